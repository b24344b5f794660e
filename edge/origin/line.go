package origin

import (
	"context"
	"time"
)

const (
	// patience is how long a fetch waits for its turn at a server that is coming back.
	// Readers wait for ten seconds unless told otherwise: it leaves time for the answer.
	patience = 5 * time.Second
	// maxWaiting fetches wait for what a probe tells. In a line there are never more
	// than go through within patience.
	maxWaiting = 256
)

// turn is pick for a fetch whose reader gets an error otherwise. It waits for what a
// probe tells that is under way, and in a recovery for its place in the line. For the
// end of a pause it does not wait: nothing says that the server will be well then.
func (p *Pool) turn(ctx context.Context) (*server, permit, error) {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.earn()
	for {
		s, leave, err := p.choose(nil)
		if err == nil {
			return s, leave, nil
		}
		s, wait := p.shortest()
		switch {
		case s != nil && p.inTime(patient, wait):
			leave = s.breaker.take(time.Now())
			if !p.wait(patient, time.After(wait), nil) {
				s.breaker.giveBack(leave)
				return nil, permit{}, p.refusal(ctx)
			}
			if s.breaker.state != closed && s.breaker.turn != leave.turn {
				continue // it failed meanwhile
			}
			s.requests++
			return s, leave, nil
		case s == nil && p.probed() && p.waiting < maxWaiting:
			p.waiting++
			went := p.wait(patient, nil, p.news)
			if p.waiting--; !went {
				return nil, permit{}, p.refusal(ctx)
			}
		default:
			return nil, permit{}, err
		}
	}
}

// inTime reports whether a wait ends before ctx does.
func (p *Pool) inTime(ctx context.Context, wait time.Duration) bool {
	end, _ := ctx.Deadline() // it has one
	return !time.Now().Add(wait).After(end)
}

// wait gives up mu until one of the channels tells; it reports false if ctx or the pool
// ends before.
func (p *Pool) wait(ctx context.Context, due <-chan time.Time, news <-chan struct{}) bool {
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-due:
	case <-news:
	case <-p.life.Done():
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// refusal is what is told a fetch that has waited in vain.
func (p *Pool) refusal(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return ErrPaused
}

// shortest is the server in recovery with the shortest line, and how long that is; nil
// if none is. The caller holds mu, and choose has just failed.
func (p *Pool) shortest() (best *server, wait time.Duration) {
	for s := range p.eligible() {
		if s.breaker.state != recovering {
			continue
		}
		if d := s.breaker.due(); best == nil || d < wait {
			best, wait = s, d
		}
	}
	return best, wait
}

// probed reports whether a probe is under way. The caller holds mu.
func (p *Pool) probed() bool {
	for s := range p.eligible() {
		if s.breaker.probing {
			return true
		}
	}
	return false
}
