package driver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// carrier carries one rollout out during one term.
type carrier struct {
	*Driver
	id   string
	term uint64

	events  chan rollout.Event
	running map[rollout.Effect]context.CancelFunc
	ended   chan rollout.Effect
}

// writeAgain is how long a change waits that the control log did not take.
const writeAgain = 200 * time.Millisecond

// run goes on until the rollout is final, ctx ends, or a later leader is there.
// One goroutine writes; effects run beside it and tell it what happened.
func (c *carrier) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	c.events, c.ended = make(chan rollout.Event), make(chan rollout.Effect)
	c.running = map[rollout.Effect]context.CancelFunc{}
	defer func() {
		cancel()
		for len(c.running) > 0 {
			select {
			case e := <-c.ended:
				delete(c.running, e)
			case <-c.events:
			}
		}
	}()
	for {
		news := c.changed()
		rec, ok := c.Records.Get(rollout.RolloutKey + c.id)
		r, err := rollout.ReadRollout(rec)
		if !ok || err != nil || r.Final() || r.Term > c.term {
			return
		}
		c.begin(ctx, r)
		select {
		case <-ctx.Done():
			return
		case <-news:
		case e := <-c.ended:
			delete(c.running, e)
		case e := <-c.events:
			if !c.write(ctx, r, c.more(e)) {
				return
			}
		}
	}
}

// more returns e and the events that wait already: those of six nodes come
// together, and make one change.
func (c *carrier) more(e rollout.Event) []rollout.Event {
	list := []rollout.Event{e}
	for {
		select {
		case e := <-c.events:
			list = append(list, e)
		case e := <-c.ended:
			delete(c.running, e)
		default:
			return list
		}
	}
}

// write applies events until the control log has taken them; it returns false if
// this carrier is to stop.
func (c *carrier) write(ctx context.Context, r rollout.Rollout, events []rollout.Event) bool {
	for {
		before, after, err := c.update(ctx, r, c.term, events)
		switch {
		case err == nil:
			c.told(before, after)
			return true
		case errors.Is(err, errDeposed), errors.Is(err, rollout.ErrUnknown), ctx.Err() != nil:
			return false
		case errors.Is(err, rollout.ErrNotYet):
			select {
			case <-ctx.Done():
				return false
			case <-time.After(c.cfg.Poll):
				return true // Look goes on looking
			}
		case errors.Is(err, gossip.ErrTxn):
			// What the events say cannot be written, and never will be.
			events = []rollout.Event{rollout.Hidden{Reason: "the change is too large for one record; push fewer documents at once"}, rollout.Abort{By: "the leader: " + err.Error()}}
		}
		c.stats.retried.Add(1)
		c.Log.Debug("rollout not written yet", "rollout", c.id, "err", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(writeAgain):
		}
	}
}

// begin starts the effects of r that do not run yet, and ends those that are not
// wanted any more.
func (c *carrier) begin(ctx context.Context, r rollout.Rollout) {
	wanted := map[rollout.Effect]bool{}
	for _, e := range rollout.Effects(r) {
		wanted[e] = true
		if c.running[e] != nil {
			continue
		}
		one, cancel := context.WithCancel(ctx)
		c.running[e] = cancel
		go func() {
			defer func() { cancel(); c.ended <- e }()
			if e.Node != "" && e.Stage != "" {
				defer c.tellLate(one, rollout.Late{Stage: e.Stage, Node: e.Node})()
			}
			if event := c.carry(one, r, e); event != nil {
				select {
				case c.events <- event:
				case <-one.Done():
				}
			}
		}()
	}
	for e, cancel := range c.running {
		if !wanted[e] {
			cancel()
		}
	}
}

// lateAfter is how long a node may take before it is told that it is waited for.
const lateAfter = 1500 * time.Millisecond

// tellLate tells that a node is waited for, unless what it returns is called before,
// or ctx ends.
func (c *carrier) tellLate(ctx context.Context, late rollout.Late) (stop func()) {
	timer := time.AfterFunc(lateAfter, func() {
		select {
		case c.events <- late:
		case <-ctx.Done():
		}
	})
	return func() { timer.Stop() }
}

// carry carries one effect out, and returns what happened; nil if ctx ended.
func (c *carrier) carry(ctx context.Context, r rollout.Rollout, e rollout.Effect) rollout.Event {
	switch e.Action {
	case rollout.Look:
		return c.look(ctx, r)
	case rollout.Soak:
		select {
		case <-time.After(e.For):
			return rollout.Soaked{Stage: e.Stage, Wave: e.Wave}
		case <-ctx.Done():
			return nil
		}
	case rollout.Await:
		return c.await(ctx, r, e, rollout.NodeReceived{Stage: e.Stage, Node: e.Node})
	case rollout.Confirm:
		return c.await(ctx, r, e, rollout.NodeRestored{Node: e.Node})
	}
	return c.job(ctx, e)
}

// awaitEvery is how often it is looked whether a report has come.
const awaitEvery = 10 * time.Millisecond

// await waits for a node's report that covers what r's documents say now.
func (c *carrier) await(ctx context.Context, r rollout.Rollout, e rollout.Effect, then rollout.Event) rollout.Event {
	index := uint64(0)
	for _, v := range r.Documents {
		rec, _ := c.Records.Get(rollout.DocumentKey + v.ID)
		index = max(index, rec.Index)
	}
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	end := time.Now().Add(c.cfg.Patience)
	for {
		switch {
		case c.Cluster.Covers(e.Node, index):
			return then
		case c.Cluster.Fenced(e.Node, index):
			return rollout.NodeFenced{Node: e.Node}
		case e.Action == rollout.Await && time.Now().After(end):
			return rollout.NodeFailed{Stage: e.Stage, Node: e.Node, Check: rollout.Check{
				Name: "receipts", Detail: fmt.Sprintf("does not say that it has the change %d", index),
			}}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// job has a node do what e says, as often as it takes until it has answered, or
// has been silent for long.
func (c *carrier) job(ctx context.Context, e rollout.Effect) rollout.Event {
	end := time.Now().Add(c.cfg.Patience)
	for {
		job := Job{Rollout: c.id, Action: e.Action, Index: c.Records.Index()}
		out, err := c.ask(ctx, e.Node, job)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && out.Failed != nil:
			c.stats.failed.Add(1)
			return rollout.NodeFailed{Stage: e.Stage, Node: e.Node, Check: *out.Failed}
		case err == nil:
			return map[rollout.Action]rollout.Event{
				rollout.Fill:   rollout.NodeFilled{Stage: e.Stage, Node: e.Node},
				rollout.Verify: rollout.NodeVerified{Stage: e.Stage, Node: e.Node, Digest: out.Digest},
				rollout.Read:   rollout.NodeSeen{Stage: e.Stage, Node: e.Node, Digest: out.Digest},
			}[e.Action]
		case c.Cluster.Silent(e.Node):
			return rollout.NodeFenced{Node: e.Node}
		case time.Now().After(end):
			return rollout.NodeFailed{Stage: e.Stage, Node: e.Node, Check: rollout.Check{Name: "reachable", Detail: err.Error()}}
		}
		c.stats.retried.Add(1)
		select {
		case <-time.After(writeAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

// ask gives a node a job, and gives it up when the node falls silent meanwhile.
func (c *carrier) ask(ctx context.Context, node string, job Job) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Job)
	defer cancel()
	watch := time.NewTicker(writeAgain)
	defer watch.Stop()
	quit := make(chan struct{})
	defer close(quit)
	go func() {
		for {
			select {
			case <-quit:
				return
			case <-watch.C:
				if c.Cluster.Silent(node) {
					cancel()
				}
			}
		}
	}()
	return c.Nodes.Do(ctx, node, job)
}
