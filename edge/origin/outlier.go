package origin

import "time"

// Outlier says when a server that answers, but fails more often than not, gets
// nothing for a while.
type Outlier struct {
	// Ratio of the failures in an interval from which a server is ejected, as those of
	// PoolConfig.Failures are counted. 0: never.
	Ratio float64
	// Requests is how many a server must have had in the interval to be judged.
	// Default 20.
	Requests int
	// Interval is how long is counted, and Pause how long the first ejection takes;
	// each further one is longer by as much, up to MaxPause, until the server has been well for an
	// interval. Defaults 10 s, 30 s and 5 min.
	Interval, Pause, MaxPause time.Duration
	// MaxEjected is the share of the weights that may be ejected at one time, and
	// Panic that of the servers that are left below which ejections do not count:
	// where most fail, what is left must not get the load of all. Defaults 0.5, 0.5.
	MaxEjected, Panic float64
}

func (o Outlier) withDefaults() Outlier {
	fill(&o.Requests, 20)
	fill(&o.Interval, 10*time.Second)
	fill(&o.Pause, 30*time.Second)
	fill(&o.MaxPause, 5*time.Minute)
	fill(&o.MaxEjected, 0.5)
	fill(&o.Panic, 0.5)
	return o
}

// record is what the ejection of one server goes by. Its owner locks.
type record struct {
	began     time.Time // of the interval that is counted
	good, bad int
	until     time.Time // of the ejection
	times     int       // ejections since it was well
}

func (r *record) ejected(now time.Time) bool { return now.Before(r.until) }

// count adds what a fetch told, and reports whether the server is to be ejected now.
// What began before an ejection and ends after it says nothing new.
func (r *record) count(v verdict, o *Outlier, now time.Time) bool {
	if o.Ratio <= 0 || v == unknown || r.ejected(now) {
		return false
	}
	if now.Sub(r.began) >= o.Interval {
		if r.times > 0 && r.good > 0 && !r.failing(o) {
			r.times--
		}
		r.began, r.good, r.bad = now, 0, 0
	}
	if v == good {
		r.good++
		return false
	}
	r.bad++
	return r.failing(o)
}

func (r *record) failing(o *Outlier) bool {
	n := r.good + r.bad
	return n >= o.Requests && float64(r.bad) >= o.Ratio*float64(n)
}

func (r *record) eject(o *Outlier, now time.Time) time.Duration {
	r.times++
	wait := min(time.Duration(r.times)*o.Pause, o.MaxPause)
	r.until, r.began, r.good, r.bad = now.Add(wait), now.Add(wait), 0, 0
	return wait
}

// mayEject reports whether s may be ejected beside those that are. The caller holds mu.
func (p *Pool) mayEject(s *server, now time.Time) bool {
	share, total := s.weight, 0.0
	for _, o := range p.servers {
		total += o.weight
		if o.record.ejected(now) {
			share += o.weight
		}
	}
	return share <= p.outlier.MaxEjected*total+1e-9
}

// panics reports whether so few servers are left that ejections do not count. The
// breaker's pauses do: what gives no answer at all helps nobody. The caller holds mu.
func (p *Pool) panics(now time.Time) bool {
	left, total, ejected := 0.0, 0.0, false
	for _, s := range p.servers {
		total += s.weight
		switch {
		case s.record.ejected(now):
			ejected = true
		case s.breaker.state != paused:
			left += s.weight
		}
	}
	return ejected && left < p.outlier.Panic*total-1e-9
}
