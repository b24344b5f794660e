package quota

import "time"

// Term says whether this node may spend its shares at a reading of its clock, and
// for how long it has been so without a break. A share is a grant that ends: a node
// that has heard nothing cannot know that its definition was lowered, and whoever
// lowers one must be able to tell from when on nobody decides by the former. It is
// asked by every decision: it must neither lock nor allocate, and its beginning must
// not change while it is held. HOT.
type Term func(now time.Time) (held time.Duration, within bool)
