package h2

// closedStreams remembers how the latest streams ended. Most are served without
// ever being a stream here, so that this is all that is left to judge a frame by
// that comes for one of them (RFC 9113 §5.1).
type closedStreams struct{ ids [128]uint32 }

// fate is how a stream ended.
type fate uint8

const (
	never   fate = iota // nothing is known: it never began, or long ago
	ended               // the client had ended it
	dropped             // we reset it, and the client may not have known
)

func (r *closedStreams) add(id uint32, f fate) {
	v := id << 1
	if f == dropped {
		v |= 1
	}
	r.ids[id>>1%uint32(len(r.ids))] = v
}

func (r *closedStreams) fate(id uint32) fate {
	v := r.ids[id>>1%uint32(len(r.ids))]
	switch {
	case v>>1 != id:
		return never
	case v&1 != 0:
		return dropped
	}
	return ended
}
