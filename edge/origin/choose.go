package origin

import (
	"iter"
	"time"
)

// pick chooses a server for a fetch, the one that has just failed only if there is no
// other.
func (p *Pool) pick(failed *server) (*server, permit, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if failed == nil {
		p.earn()
	}
	return p.choose(failed)
}

// eligible are the servers that are not ejected, or all where that does not count. The
// caller holds mu.
func (p *Pool) eligible() iter.Seq[*server] {
	now := time.Now()
	all := p.outlier.Ratio <= 0 || p.panics(now)
	return func(yield func(*server) bool) {
		for _, s := range p.servers {
			if (all || !s.record.ejected(now)) && !yield(s) {
				return
			}
		}
	}
}

// choose is by smooth weighted round robin among the servers that may be asked. The
// caller holds mu.
func (p *Pool) choose(failed *server) (*server, permit, error) {
	now := time.Now()
	var best, spare *server
	total := 0.0
	for s := range p.eligible() {
		switch {
		case !s.breaker.admits(now):
		case s == failed:
			spare = s
		default:
			s.turn += s.weight
			total += s.weight
			if best == nil || s.turn > best.turn {
				best = s
			}
		}
	}
	if best == nil {
		best = spare
	}
	if best == nil {
		return nil, permit{}, ErrPaused
	}
	best.turn -= total
	best.requests++
	return best, best.breaker.take(now), nil
}

// another reports whether some server may be asked at this moment.
func (p *Pool) another() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, s := range p.servers {
		if s.breaker.admits(now) {
			return true
		}
	}
	return false
}
