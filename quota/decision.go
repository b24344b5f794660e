package quota

import (
	"math"
	"strconv"
	"time"
)

// Decision is what the gate said of one request. It is a value, it holds no view
// of the caller's strings, and its zero value is "not governed, not allowed".
type Decision struct {
	// Governed: a quota applies, and the RateLimit fields belong in the answer,
	// whichever that is.
	Governed bool
	// Allowed: go on. True where nothing governs.
	Allowed bool
	// At is the reading of the clock that the decision is; zero where nothing
	// governs.
	At time.Time
	// Shadow: the quota would have refused, but it is in shadow mode.
	Shadow bool
	// Lapsed: this node spends its base share at most, as it does not know whether
	// the quota has changed. See Term.
	Lapsed bool
	// Overflow says what to do if it is not allowed.
	Overflow Overflow
	// Segment is the quota's name; Default where the route names none.
	Segment string
	// Policy is the value of RateLimit-Policy: "b2b";q=200;w=1. It states the
	// whole limit, not this node's share of it; the burst is not told, so r may
	// exceed q after a pause.
	Policy string
	// Remaining is the whole tokens left on this node (r).
	Remaining int64
	// Reset is the effective window in whole seconds (t): Remaining requests may
	// be spread over it. It is the policy's window while there are tokens. Once
	// there are none, and where the request was refused, it is the time until
	// the next request can be admitted.
	Reset int64
	// RetryAfter is the value of Retry-After for a refusal, in whole seconds:
	// Reset, with a random addition so that those refused together do not return
	// together; at least 1, never below Reset. 0 if nothing was refused.
	RetryAfter int

	policy *policy
}

// ProblemType is the type of the problem that a refusal is answered with
// (draft-ietf-httpapi-ratelimit-headers-10, §5.1), with status 429.
const ProblemType = "https://iana.org/assignments/http-problem-types#quota-exceeded"

// AppendRateLimit appends the value of RateLimit, "b2b";r=150;t=1, and nothing
// where no quota governs. HOT: it allocates only if dst is too small.
func (d *Decision) AppendRateLimit(dst []byte) []byte {
	if d.policy == nil {
		return dst
	}
	dst = append(dst, d.policy.prefix...)
	dst = strconv.AppendInt(dst, d.Remaining, 10)
	dst = append(dst, ";t="...)
	return strconv.AppendInt(dst, d.Reset, 10)
}

// AppendProblem appends the problem+json body (RFC 9457) of a refusal, which
// names the violated policy; nothing where no quota governs. HOT: it allocates
// only if dst is too small.
func (d *Decision) AppendProblem(dst []byte) []byte {
	if d.policy == nil {
		return dst
	}
	dst = append(dst, `{"type":"`+ProblemType+`","title":"Quota Exceeded","status":429,"detail":"`...)
	dst = append(dst, d.policy.detail...)
	dst = strconv.AppendInt(dst, int64(d.RetryAfter), 10)
	dst = append(dst, ` s.","violated-policies":["`...)
	dst = append(dst, d.Segment...)
	return append(dst, `"]}`...)
}

// maxRetryAfter is the largest delay that every recipient can hold: RFC 9111
// §1.2.2 lets them take 2³¹ for all that is larger.
const maxRetryAfter = math.MaxInt32

// retryAfter adds to a wait up to half of it, and up to two seconds at least.
// Waiting longer than asked never harms the client's chance, so jitter only adds.
func retryAfter(wait int64, random uint64) int {
	if wait >= maxRetryAfter {
		return maxRetryAfter
	}
	spread := max(2, wait/2)
	return int(min(maxRetryAfter, wait+int64(random%uint64(spread+1))))
}
