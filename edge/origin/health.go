package origin

import (
	"context"
	"sync"
	"time"

	"github.com/letteros/letteredge/edge"
)

// Health says how servers are asked whether they are well, whoever else asks.
type Health struct {
	// Path is what is asked for; a status of 400 or above is a failure, as is no
	// answer. "" means never.
	Path string
	// Interval is between two questions, and the bound of each. Default 5 s.
	Interval time.Duration
}

// watchHealth asks each server at each interval until ctx ends.
//
// A failure counts as a reader's fetch does that failed. A success counts only for a
// paused server whose pause is over: a server may say that it is well and fail all
// that readers ask for.
func (p *Pool) watchHealth(ctx context.Context, h Health) {
	fill(&h.Interval, 5*time.Second)
	ticker := time.NewTicker(h.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var all sync.WaitGroup
		for _, s := range p.servers {
			all.Go(func() { p.examine(ctx, s, h) })
		}
		all.Wait()
	}
}

// examine asks one server whether it is well.
func (p *Pool) examine(ctx context.Context, s *server, h Health) {
	bound, cancel := context.WithTimeoutCause(ctx, h.Interval, ErrHeaderTimeout)
	defer cancel()
	p.mu.Lock()
	leave := permit{turn: s.breaker.turn}
	resting := s.breaker.state == paused
	if resting {
		if !s.breaker.admits(time.Now()) {
			p.mu.Unlock()
			return
		}
		leave = s.breaker.take(time.Now())
	}
	p.mu.Unlock()
	a, err := s.up.Fetch(bound, &edge.Fetch{Method: "GET", Target: h.Path})
	v := judge(ctx, a, err)
	if a != nil {
		if a.Status >= 400 {
			v = bad
		}
		_ = a.Body.Close() // its status was the question
	}
	if v == good && !resting {
		return
	}
	p.done(s, leave, v)
}
