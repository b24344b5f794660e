package edge

import "time"

// Previewer reads the signed field by which a rollout's checks are known: they
// ask for the candidate that readers do not see yet, or for what a reader sees.
type Previewer interface {
	// Preview returns the candidate's targets, or nil for a check that looks as a
	// reader does; false where the field is invalid, expired, or another
	// cluster's: the request is a reader's then.
	Preview(field string, now time.Time) (Snapshot, bool)
}

// NoPreview knows no candidate.
type NoPreview struct{}

// Preview returns false.
func (NoPreview) Preview(string, time.Time) (Snapshot, bool) { return nil, false }

// preview makes the request one for a candidate where it carries a valid
// preview, whose answer nobody keeps. No check of a rollout counts against a
// quota, whatever it looks at (SEMANTICS §7): a segment at its limit could
// never be pushed to.
func (c *Core) preview(x *Exchange) {
	if !x.key.IsArtifact() {
		return
	}
	if field := x.Req.Fields.Get("Edge-Preview"); field != "" {
		s, ok := c.Previewer.Preview(field, x.Now)
		x.probe = ok
		if s != nil {
			x.targets, x.previewed = s, true
		}
	}
}

// noStore says to whoever asked for a preview that the answer is for nobody else,
// in place of what the released artifact would say.
func (x *Exchange) noStore() {
	x.Rep.Skip |= SkipControl
	for i := range x.Rep.Passed {
		if x.Rep.Passed[i].Name == "Cache-Control" {
			x.Rep.Passed[i].Value = "no-store"
			return
		}
	}
	if x.Rep.Extra.Get("Cache-Control") == nil {
		x.Rep.Extra.Add("Cache-Control", []byte("no-store"))
	}
}
