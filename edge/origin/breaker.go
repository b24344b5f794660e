package origin

import "time"

// breaker keeps fetches from a server that fails, and lets them come back no
// faster than the server was asked before. Its owner locks.
//
//	closed    → paused     after `failures` in a row
//	paused    → probing    when the pause is over: one fetch, the others are refused
//	probing   → paused     it failed; the pause doubles
//	probing   → recovering it succeeded: fetches at a bounded rate
//	recovering → closed    after recovery
type breaker struct {
	failures        int // in a row that pause the server; 0: never
	pause, maxPause time.Duration

	state     breakerState
	turn      uint64 // counts the changes of state: what began before the last says nothing
	row       int    // failures since the last success
	wait      time.Duration
	until     time.Time // of the pause, or of the recovery
	probing   bool
	tokens    float64
	filled    time.Time // when tokens were last counted
	rate      float64   // fetches per second while closed
	began     time.Time // of the second that is counted
	inSecond  int
	everPause bool // wait holds the last pause
}

type breakerState uint8

const (
	closed breakerState = iota
	paused
	recovering
)

const (
	// recovery is how long a server that is back is spared.
	recovery = 30 * time.Second
	// spare is the rate in recovery, as a share of that before the failure: below
	// two, with room for what the bucket has saved.
	spare = 1.5
	// leastRate is let through where too little came before to measure.
	leastRate = 10.0
	// leastBurst may come at once: a reader or two of a quiet origin.
	leastBurst = 10.0
)

// permit is one fetch that the breaker has let through.
type permit struct {
	turn  uint64
	probe bool
}

// admits reports whether take would be right at now.
func (b *breaker) admits(now time.Time) bool {
	switch b.state {
	case paused:
		return !b.probing && !now.Before(b.until)
	case recovering:
		if !now.Before(b.until) {
			b.change(closed)
			b.began, b.inSecond = now, 0
			return true
		}
		speed := b.speed()
		b.tokens = min(b.tokens+speed*now.Sub(b.filled).Seconds(), max(leastBurst, speed/10))
		b.filled = now
		return b.tokens >= 1
	}
	return true
}

// take counts a fetch that admits has let through.
func (b *breaker) take(now time.Time) permit {
	switch b.state {
	case paused:
		b.probing = true
		return permit{b.turn, true}
	case recovering:
		b.tokens--
	case closed:
		b.measure(now)
	}
	return permit{turn: b.turn}
}

// speed is how many fetches a second go through in a recovery.
func (b *breaker) speed() float64 { return max(leastRate, b.rate*spare) }

// due is how long it takes until the next one in the line of a recovery has its turn:
// those before it have taken theirs in advance. The bucket was filled by admits.
func (b *breaker) due() time.Duration {
	return time.Duration((1 - b.tokens) / b.speed() * float64(time.Second))
}

// giveBack undoes a take of who has left the line.
func (b *breaker) giveBack(p permit) {
	if p.turn == b.turn && b.state == recovering {
		b.tokens++
	}
}

func (b *breaker) measure(now time.Time) {
	if b.began.IsZero() {
		b.began = now
	}
	if passed := now.Sub(b.began).Seconds(); passed >= 1 {
		rate := float64(b.inSecond) / passed
		if b.rate > 0 {
			rate = (b.rate + rate) / 2
		}
		b.rate, b.began, b.inSecond = rate, now, 0
	}
	b.inSecond++
}

// done tells what became of a fetch, and reports whether that has paused the
// server or brought it back.
func (b *breaker) done(p permit, v verdict, now time.Time) bool {
	if p.turn != b.turn {
		return false
	}
	if p.probe {
		b.probing = false
	}
	switch {
	case v == unknown || b.failures == 0:
		return false
	case v == good && p.probe:
		b.row, b.until = 0, now.Add(recovery)
		b.tokens, b.filled = leastBurst, now
		b.change(recovering)
		return true
	case v == good:
		if b.row = 0; b.state == closed {
			b.everPause = false
		}
		return false
	}
	b.row++
	if !p.probe && b.row < b.failures {
		return false
	}
	if b.wait = min(2*b.wait, b.maxPause); !b.everPause {
		b.wait, b.everPause = b.pause, true
	}
	b.until = now.Add(b.wait)
	b.change(paused)
	return true
}

func (b *breaker) change(to breakerState) {
	b.state = to
	b.turn++
}

// verdict is what a fetch says of the server's health.
type verdict uint8

const (
	unknown verdict = iota // the reader went, the cap was reached, the request was bad
	good
	bad
)
