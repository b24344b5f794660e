package origin

import (
	"context"
	"io"
	"time"

	"github.com/letteros/letteredge/edge"
)

// tried is what came of asking one server.
type tried struct {
	server *server
	answer *edge.Answer
	err    error
	verdict
	lane   int // which of a race it ran in
	cancel context.CancelFunc
}

// try asks one server, and counts what came of it.
func (p *Pool) try(ctx context.Context, f *edge.Fetch, s *server, leave permit) tried {
	a, err := s.up.Fetch(ctx, f)
	v := judge(ctx, a, err)
	p.done(s, leave, v)
	return tried{server: s, answer: a, err: err, verdict: v}
}

// race asks first and, where that has not begun its answer after the hedge's delay,
// another server too. The first good answer wins, and the other fetch is cancelled:
// that says nothing of its server. Whoever calls has counted the race in p.work.
func (p *Pool) race(ctx context.Context, f *edge.Fetch, first *server, leave permit) tried {
	results := make(chan tried, 2)
	var cancels [2]context.CancelFunc
	started, ended := 0, 0
	start := func(s *server, leave permit) {
		own, cancel := context.WithCancel(ctx)
		lane := started
		cancels[lane] = cancel
		started++
		p.work.Go(func() {
			r := p.try(own, f, s, leave)
			r.lane, r.cancel = lane, cancel
			results <- r
		})
	}
	start(first, leave)
	timer := time.NewTimer(p.hedge)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if !p.another() || !p.spend() {
				continue
			}
			if s, leave, err := p.pick(first); err == nil {
				start(s, leave)
			}
		case r := <-results:
			ended++
			if r.verdict == bad && ended < started {
				r.drop() // the other may do better
				continue
			}
			if ended < started {
				cancels[1-r.lane]()
				p.work.Go(func() {
					late := <-results
					late.drop()
				})
			}
			if r.answer == nil {
				r.cancel()
				return r
			}
			r.answer.Body = &ending{r.answer.Body, r.cancel}
			return r
		}
	}
}

// drop ends a fetch whose answer nobody will read.
func (r *tried) drop() {
	r.cancel()
	if r.answer != nil {
		_ = r.answer.Body.Close()
	}
}

// ending ends the fetch with its body.
type ending struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *ending) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
