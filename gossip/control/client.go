package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// Caller calls another node over the peers' transport.
type Caller interface {
	Call(ctx context.Context, node, path string, body []byte) ([]byte, error)
}

// Client changes records from any node. Safe for concurrent use.
type Client struct {
	control *Control // nil on a node that is no voter
	records *gossip.Records
	caller  Caller
	voters  []string

	mu     sync.Mutex
	leader string        // guarded by mu; the last that led
	news   chan struct{} // guarded by mu; closed when records have changed
}

// NewClient returns a client for a node: control is nil where it is no voter,
// caller where there is no other.
func NewClient(control *Control, records *gossip.Records, caller Caller, voters []string) *Client {
	c := &Client{control: control, records: records, caller: caller, voters: voters, news: make(chan struct{})}
	records.Subscribe(func([]gossip.Record) {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.news)
		c.news = make(chan struct{})
	})
	return c
}

const (
	// updateTimeout bounds a change: longer than an election, shorter than the
	// patience of whoever waits at the admin API.
	updateTimeout = 3 * time.Second
	// callTimeout bounds one call to a voter, which may be dead.
	callTimeout = time.Second
	retryAfter  = 50 * time.Millisecond
	// maxRaces bounds how often a change starts again because another came before
	// it.
	maxRaces = 64
)

// ErrContended means that others kept changing what a change depends on.
var ErrContended = errors.New("others keep changing the same records")

// Update changes records by what they are. compute is given the records of keys
// as the leader has them (a key without one is not in the map), and returns the
// transaction, or an error, which ends the update as it is. Guards on all keys
// are added to it. If another change comes before, compute is called again. A
// transaction without puts changes nothing and is not proposed.
//
// Update returns when this node's records have the change; if that takes too
// long, they have it later.
func (c *Client) Update(ctx context.Context, keys []string, compute func(now map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	for range maxRaces {
		now, index, err := c.read(ctx, keys)
		if err != nil {
			return gossip.Outcome{}, err
		}
		txn, err := compute(now)
		if err != nil {
			return gossip.Outcome{}, err
		}
		if len(txn.Puts) == 0 {
			return gossip.Outcome{Applied: true, Index: index}, nil
		}
		for _, key := range keys {
			txn.Guards = append(txn.Guards, gossip.Guard{Key: key, Index: now[key].Index})
		}
		out, err := c.propose(ctx, txn)
		if err != nil {
			return gossip.Outcome{}, err
		}
		if out.Applied {
			c.await(ctx, out.Index)
			return out, nil
		}
		if len(out.Conflicts) == 0 {
			return gossip.Outcome{}, errors.New("the control log refused the change: there are too many records")
		}
	}
	return gossip.Outcome{}, ErrContended
}

// Read returns the records of keys as the leader has them; a key without one is
// not in the map.
func (c *Client) Read(ctx context.Context, keys []string) (map[string]gossip.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	now, _, err := c.read(ctx, keys)
	return now, err
}

func (c *Client) read(ctx context.Context, keys []string) (map[string]gossip.Record, uint64, error) {
	a, err := c.ask(ctx, question{Keys: keys})
	if err != nil {
		return nil, 0, err
	}
	now := make(map[string]gossip.Record, len(a.Records))
	for _, r := range a.Records {
		now[r.Key] = r
	}
	return now, a.Index, nil
}

func (c *Client) propose(ctx context.Context, txn gossip.Txn) (gossip.Outcome, error) {
	a, err := c.ask(ctx, question{Txn: &txn})
	if err != nil {
		return gossip.Outcome{}, err
	}
	if a.Outcome == nil {
		return gossip.Outcome{}, errors.New("propose: the leader's answer has no outcome")
	}
	return *a.Outcome, nil
}

// await waits until this node has everything up to index.
func (c *Client) await(ctx context.Context, index uint64) {
	for {
		c.mu.Lock()
		news := c.news
		c.mu.Unlock()
		if c.records.Index() >= index {
			return
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

// ask puts a question to the leader, whoever that is, and keeps looking for it
// until ctx ends.
func (c *Client) ask(ctx context.Context, q question) (answer, error) {
	retry := time.NewTicker(retryAfter)
	defer retry.Stop()
	last := errors.New("no voter has answered")
	for {
		for _, node := range c.candidates() {
			a, err := c.put(ctx, node, q)
			var elsewhere *NotLeaderError
			switch {
			case err == nil:
				c.note(node)
				return a, nil
			case errors.As(err, &elsewhere):
				c.note(elsewhere.Leader)
				last = err
			case errors.Is(err, errRefused), errors.Is(err, gossip.ErrTxn):
				return answer{}, err
			default:
				// A transaction may have happened all the same. Its guards tell: tried
				// again, it happens once.
				last = err
			}
			if ctx.Err() != nil {
				return answer{}, fmt.Errorf("%w: %w", ErrNoQuorum, last)
			}
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return answer{}, fmt.Errorf("%w: %w", ErrNoQuorum, last)
		}
	}
}

// candidates lists voters, the most likely leader first.
func (c *Client) candidates() []string {
	var list []string
	if c.control != nil {
		if id, _ := c.control.Leader(); id != "" {
			list = append(list, id)
		}
	}
	c.mu.Lock()
	if c.leader != "" && !slices.Contains(list, c.leader) {
		list = append(list, c.leader)
	}
	c.mu.Unlock()
	for _, v := range c.voters {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

func (c *Client) note(leader string) {
	if leader != "" && !slices.Contains(c.voters, leader) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = leader
}

// put asks one voter.
func (c *Client) put(ctx context.Context, node string, q question) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if c.control != nil && node == c.control.id {
		return c.control.answer(ctx, "", q)
	}
	if c.caller == nil {
		return answer{}, &NotLeaderError{}
	}
	return callVoter(ctx, c.caller, node, q)
}
