package quota

import (
	"math"
	"strconv"
)

// policy is the part of the RateLimit fields that a definition fixes
// (draft-ietf-httpapi-ratelimit-headers-10).
type policy struct {
	w      int64  // the window that RateLimit-Policy names, in seconds
	field  string // RateLimit-Policy: "b2b";q=200;w=1
	prefix string // of RateLimit, up to the value of r: "b2b";r=
	detail string // of the problem, up to the number of seconds
}

func newPolicy(q Quota) policy {
	requests, seconds := window(q.RPS)
	// A segment is an id: its characters need no escape in a structured field's
	// string (RFC 9651 §3.3.3) nor in JSON.
	name := `"` + q.Segment + `"`
	limit := strconv.FormatInt(requests, 10) + " request"
	if requests != 1 {
		limit += "s"
	}
	if seconds == 1 {
		limit += " per second"
	} else {
		limit += " per " + strconv.FormatInt(seconds, 10) + " seconds"
	}
	return policy{
		w:      seconds,
		field:  name + ";q=" + strconv.FormatInt(requests, 10) + ";w=" + strconv.FormatInt(seconds, 10),
		prefix: name + ";r=",
		detail: "The quota " + q.Segment + " allows " + limit + "; try again in ",
	}
}

// windowError is by how much, as a share of the rate, q/w may differ from it. A
// rate of 0.333333 is told as 1 in 3 s.
const windowError = 1e-5

// window states a rate as q requests in w seconds, both whole and as small as
// they can be: 200 is 200 in 1 s, 1.5 is 3 in 2 s, 0.5 is 1 in 2 s. They are the
// first convergent of the rate's continued fraction that is as near as
// windowError; convergents are the best fractions of their size.
func window(rps float64) (q, w int64) {
	if 1/rps >= maxSeconds {
		return 1, maxSeconds
	}
	h, hBefore := math.Floor(rps), 1.0
	k, kBefore := 1.0, 0.0
	for rest := rps - h; math.Abs(h/k-rps) > windowError*rps; {
		rest = 1 / rest
		a := math.Floor(rest)
		rest -= a
		h, hBefore = a*h+hBefore, h
		k, kBefore = a*k+kBefore, k
	}
	return int64(h), int64(k)
}
