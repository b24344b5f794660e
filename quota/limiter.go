package quota

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter is a token bucket that starts empty and decides at its own readings
// of a clock. Its methods may be called from any number of goroutines.
//
// # Why the clock is read under the lock
//
// rate.Limiter takes the time as an argument, and a decision at an older one
// moves its last update back: the time in between is then credited again. With
// 1/s, a burst of 2, and one token at 100 s,
//
//  1. goroutine A reads 100 s and is descheduled;
//  2. B reads 101 s: a second is credited, it takes one of two tokens, last = 101 s;
//  3. A comes with its 100 s: nothing is credited, it takes the other, last = 100 s;
//  4. C reads 101 s: the same second is credited again, and it is admitted,
//
// three in one second that began with one token. Goroutines that read first and
// queue for the lock afterwards have been seen to get five times the rate. So the
// reading is made inside the lock, it never goes behind the one before, and a
// request's own timestamp cannot be given.
type Limiter struct {
	mu     sync.Mutex // guards all below, the reading of now too
	now    func() time.Time
	last   time.Time // the newest reading
	term   Term      // nil: it never ends
	began  time.Time // the term whose tokens the bucket holds
	bucket *rate.Limiter
	rps    float64
	burst  int
	base   Share // in the place of rps and burst when the term is over
	spends grant // what the bucket is set to

	// revision is that of the gate's table whose entry these settings come from;
	// 0 for a limiter that is in no table.
	revision uint64
}

// Verdict is what a Limiter decided, at one reading of its clock.
type Verdict struct {
	Allowed bool
	At      time.Time // the reading
	Tokens  float64   // left after the decision; below 0 by less than a nanosecond's worth
	RPS     float64   // the rate in force
	Burst   int       // the burst in force
	Lapsed  bool      // the term is over: the node spends its base share at most
}

// NewLimiter returns an empty bucket that is filled at rps tokens per second up
// to burst. now is called under the limiter's lock: it must not call the limiter.
func NewLimiter(now func() time.Time, rps float64, burst int) *Limiter {
	// A bucket of burst 0 holds nothing, however long ago the zero time was.
	l := &Limiter{now: now, bucket: rate.NewLimiter(rate.Limit(rps), 0), rps: rps}
	l.SetBurst(burst)
	return l
}

// newLimiterAfter returns a limiter without rate or burst whose readings do not
// go behind an earlier limiter's.
func newLimiterAfter(last time.Time, now func() time.Time, term Term) *Limiter {
	return &Limiter{now: now, last: latest(last, now()), term: term, bucket: rate.NewLimiter(0, 0)}
}

// Take takes n tokens if the bucket holds as many, and none otherwise. n above
// the burst is always refused (a caller that may split a batch takes its items
// one by one); n below 1 counts as 1.
func (l *Limiter) Take(n int) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.takeLocked(n)
}

// takeAs is Take on behalf of a table entry; false if the limiter's settings
// are no longer, or are no more, those of that entry.
func (l *Limiter) takeAs(revision uint64, n int) (Verdict, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revision != revision {
		return Verdict{}, false
	}
	return l.takeLocked(n), true
}

func (l *Limiter) takeLocked(n int) Verdict {
	t, by := l.readLocked()
	v := Verdict{At: t, RPS: l.rps, Burst: l.burst, Lapsed: by != grantShare}
	switch by {
	case grantBase:
		v.RPS, v.Burst = l.base.RPS, l.base.Burst
	case grantNone:
		v.RPS, v.Burst = 0, 0
		return v
	}
	v.Allowed = l.bucket.AllowN(t, max(n, 1)) // a negative n would add tokens
	v.Tokens = l.bucket.TokensAt(t)
	return v
}

// grant is by what a limiter may admit.
type grant uint8

const (
	grantShare grant = iota // rps and burst
	grantBase               // the base share: the term is over
	grantNone               // that has ended too, or there was no term ever
)

// readLocked returns the clock's reading, or the one before if that is later, and
// sets the bucket to what may be spent then. It is empty when a term begins, whether
// or not anybody asked in between.
func (l *Limiter) readLocked() (time.Time, grant) {
	before := l.last
	if t := l.now(); t.After(l.last) {
		l.last = t
	}
	if l.term == nil {
		return l.last, grantShare
	}
	since, within := l.term(l.last)
	switch {
	case within:
		if began := l.last.Add(-since); began.After(l.began) || l.spends != grantShare {
			l.began, l.spends = began, grantShare
			at := latest(began, before) // never behind a reading that the bucket has seen
			l.bucket.SetBurstAt(at, 0)
			l.bucket.SetLimitAt(at, rate.Limit(l.rps))
			l.bucket.SetBurstAt(at, l.burst)
		}
		return l.last, grantShare
	case since < BaseTerm && l.base.Burst > 0:
		if l.spends != grantBase {
			l.spends = grantBase
			at := latest(l.last.Add(-since), before)
			l.bucket.SetLimitAt(at, rate.Limit(l.base.RPS))
			l.bucket.SetBurstAt(at, l.base.Burst)
		}
		return l.last, grantBase
	}
	if l.spends != grantNone {
		l.spends = grantNone
		l.bucket.SetBurstAt(l.last, 0)
	}
	return l.last, grantNone
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// SetRate changes the rate, from the reading that it returns: tokens of the time
// before come at the former rate. 0 adds none.
func (l *Limiter) SetRate(rps float64) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.setLocked(rps, l.burst)
}

// SetBurst changes the cap, from the reading that it returns. Raising it adds no
// tokens; lowering it destroys those above; at 0 the bucket is empty and stays
// so, also for a moment: that is how a lapse is told.
func (l *Limiter) SetBurst(burst int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.setLocked(l.rps, burst)
}

func (l *Limiter) setLocked(rps float64, burst int) time.Time {
	t, by := l.readLocked()
	l.rps, l.burst = rps, burst
	l.fitLocked(t, by)
	return t
}

// fitLocked sets the bucket to what may be spent by a grant.
func (l *Limiter) fitLocked(t time.Time, by grant) {
	switch by {
	case grantShare:
		l.bucket.SetLimitAt(t, rate.Limit(l.rps))
		l.bucket.SetBurstAt(t, l.burst)
	case grantBase:
		l.bucket.SetLimitAt(t, rate.Limit(l.base.RPS))
		l.bucket.SetBurstAt(t, l.base.Burst)
	case grantNone:
	}
}

// Burst is the cap in force.
func (l *Limiter) Burst() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.burst
}

// reshare sets rate and burst of whatever table entry the limiter has.
func (l *Limiter) reshare(s, base Share) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base = base
	l.setLocked(s.RPS, s.Burst)
}

// change sets rate and burst for a table entry of the given revision and calls
// publish, which makes the entry visible, both between two decisions: whoever
// holds the former entry finds the revision changed, and looks again.
func (l *Limiter) change(s, base Share, revision uint64, publish func()) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base = base
	t := l.setLocked(s.RPS, s.Burst)
	l.revision = revision
	publish()
	return t
}

// maxSeconds is the largest integer of a structured field (RFC 9651 §3.3.1). It
// bounds what is said of very small rates.
const maxSeconds = 999_999_999_999_999

// wait returns after how many whole seconds the bucket holds n tokens (or as
// many as it can) if nobody takes any: at least 1.
func (v Verdict) wait(n int) int64 {
	if v.RPS == 0 {
		return 1 // this node has no share now: that passes, or another node has one
	}
	need := float64(min(max(n, 1), v.Burst)) - v.Tokens
	s := math.Ceil(need / v.RPS)
	switch {
	case s >= maxSeconds || math.IsNaN(s):
		return maxSeconds
	case s < 1:
		return 1
	}
	return int64(s)
}

// whole returns the whole tokens that are left.
func (v Verdict) whole() int64 { return max(0, int64(v.Tokens)) }
