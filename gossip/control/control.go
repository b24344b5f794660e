package control

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/letteros/letteredge/gossip"
)

// Voter is a node that holds the log.
type Voter struct {
	ID      string
	Address string // TCP, host:port
}

// Config is what a voter has to know.
type Config struct {
	ID     string
	Voters []Voter // this one among them, the same on all
	// Listener accepts the other voters' connections, plain; Server and Client make
	// them mutual TLS, Client to that node and no other. A lone voter needs none of
	// the three.
	Listener net.Listener
	Server   *tls.Config
	Client   func(node string) *tls.Config

	Log       Log
	Stable    Stable
	Snapshots string // a folder
	// Heartbeat is how long a leader may be silent before another is elected; 0
	// means 500 ms, or 50 ms for a lone voter. Over long ways it must be several
	// round trips.
	Heartbeat time.Duration
	Logger    *slog.Logger
}

var (
	// ErrNoQuorum means that no majority of the voters could be had in time. What
	// was under way may have happened or not.
	ErrNoQuorum = errors.New("the control log has no majority of its voters")
	// ErrClosed means that the node is stopping.
	ErrClosed = errors.New("the control log is closed")
)

// NotLeaderError says that another voter leads, or that none is known to.
type NotLeaderError struct{ Leader string }

// Error names the leader.
func (e *NotLeaderError) Error() string {
	if e.Leader == "" {
		return "this voter does not lead, and knows of none that does"
	}
	return "this voter does not lead: " + e.Leader + " does"
}

// Control is one voter. Safe for concurrent use.
type Control struct {
	id      string
	raft    *raft.Raft
	net     interface{ Close() error }
	records *gossip.Records

	log      *slog.Logger
	caughtUp atomic.Uint64 // the term in which a barrier has passed
	notify   chan bool
	led      chan raft.Observation // another leader
	quit     chan struct{}
	done     sync.WaitGroup

	mu    sync.Mutex
	lead  []func(context.Context, uint64) // guarded by mu
	reign *reign                          // guarded by mu; nil while this voter does not lead
}

// reign is one term in which this voter leads.
type reign struct {
	ctx   context.Context
	hooks sync.WaitGroup
}

const (
	applyTimeout = 3 * time.Second
	trailingLogs = 4096
	poolSize     = 3
)

// Open starts a voter that applies the log to records. With an empty log it
// begins one with the configured voters; all voters do so with the same list.
func Open(cfg Config, records *gossip.Records) (_ *Control, err error) {
	c := &Control{id: cfg.ID, records: records, log: cfg.Logger, notify: make(chan bool, 16), led: make(chan raft.Observation, 16), quit: make(chan struct{})}
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(cfg.ID)
	conf.Logger = newLogger(cfg.Logger)
	conf.NotifyCh = c.notify
	conf.TrailingLogs = trailingLogs
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 500 * time.Millisecond
		if len(cfg.Voters) == 1 {
			cfg.Heartbeat = 50 * time.Millisecond
		}
	}
	conf.HeartbeatTimeout, conf.ElectionTimeout, conf.LeaderLeaseTimeout = cfg.Heartbeat, cfg.Heartbeat, cfg.Heartbeat
	conf.CommitTimeout = min(conf.CommitTimeout, cfg.Heartbeat/10)

	snapshots, err := raft.NewFileSnapshotStoreWithLogger(cfg.Snapshots, 2, conf.Logger)
	if err != nil {
		return nil, fmt.Errorf("open control log: %w", err)
	}
	transport, err := c.transport(cfg, conf)
	if err != nil {
		return nil, fmt.Errorf("open control log: %w", err)
	}
	logs, stable := logStore{cfg.Log}, stableStore{cfg.Stable}
	started, err := raft.HasExistingState(logs, stable, snapshots)
	if err == nil && !started {
		var all raft.Configuration
		for _, v := range cfg.Voters {
			all.Servers = append(all.Servers, raft.Server{ID: raft.ServerID(v.ID), Address: raft.ServerAddress(v.ID)})
		}
		err = raft.BootstrapCluster(conf, logs, stable, snapshots, transport, all)
	}
	if err == nil {
		c.raft, err = raft.NewRaft(conf, machine{records}, logs, stable, snapshots, transport)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open control log: %w", err), c.net.Close())
	}
	c.raft.RegisterObserver(raft.NewObserver(c.led, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	}))
	c.done.Go(c.follow)
	c.done.Go(c.tell)
	return c, nil
}

func (c *Control) transport(cfg Config, conf *raft.Config) (raft.Transport, error) {
	if cfg.Listener == nil {
		if len(cfg.Voters) > 1 {
			return nil, errors.New("more than one voter, and no listener")
		}
		_, t := raft.NewInmemTransport(raft.ServerAddress(cfg.ID))
		c.net = t
		return t, nil
	}
	s := &stream{
		listener: cfg.Listener, id: cfg.ID, server: cfg.Server, client: cfg.Client,
		voters: make(map[string]string, len(cfg.Voters)),
	}
	for _, v := range cfg.Voters {
		s.voters[v.ID] = v.Address
	}
	t := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: s, MaxPool: poolSize, Timeout: 4 * cfg.Heartbeat, Logger: conf.Logger,
	})
	c.net = t
	return t, nil
}

// OnLead has hook called, in a goroutine of its own, whenever this voter has
// become the leader and has applied all that its predecessors committed. ctx ends
// when it leads no more. A hook that is added while it leads is called at once.
func (c *Control) OnLead(hook func(ctx context.Context, term uint64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lead = append(c.lead, hook)
	if r := c.reign; r != nil {
		r.hooks.Go(func() { hook(r.ctx, c.Term()) })
	}
}

// tell logs who leads, whenever that changes.
func (c *Control) tell() {
	last := ""
	for {
		select {
		case <-c.quit:
			return
		case o := <-c.led:
			leader, _ := o.Data.(raft.LeaderObservation)
			id := string(leader.LeaderID)
			switch {
			case id == last:
			case id == "":
				c.log.Warn("the control log has no leader", "former", last, "term", c.Term())
			default:
				c.log.Info("the control log has a leader", "leader", id, "former", last, "term", c.Term())
			}
			last = id
		}
	}
}

// follow runs the hooks of OnLead, those of one term at a time.
func (c *Control) follow() {
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case <-c.quit:
			return
		case leads := <-c.notify:
			stop()
			stop = func() {}
			if leads {
				stop = c.begin()
			}
		}
	}
}

// begin runs the hooks for a new term; what it returns ends and awaits them.
func (c *Control) begin() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reign{ctx: ctx}
	begun := make(chan struct{})
	go func() { // a barrier takes a majority, which may be gone again
		defer close(begun)
		if c.await(ctx, c.raft.Barrier(applyTimeout)) != nil {
			return // it leads no more: follow is told
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reign = r
		for _, hook := range c.lead {
			r.hooks.Go(func() { hook(ctx, c.Term()) })
		}
	}()
	return func() {
		cancel()
		<-begun
		c.mu.Lock()
		c.reign = nil
		c.mu.Unlock()
		r.hooks.Wait()
	}
}

// Leader returns the voter that leads as far as this one knows, "" if it knows of
// none, and whether it is this one.
func (c *Control) Leader() (id string, self bool) {
	_, leader := c.raft.LeaderWithID()
	return string(leader), string(leader) == c.id && c.raft.State() == raft.Leader
}

// Term returns the term of the log.
func (c *Control) Term() uint64 { return c.raft.CurrentTerm() }

// Stats is how a voter stands.
type Stats struct {
	Leads         bool
	Term          uint64
	Last, Applied uint64 // indexes: of the last entry here, and up to which the records hold it
}

// Stats returns how this voter stands now.
func (c *Control) Stats() Stats {
	_, leads := c.Leader()
	return Stats{Leads: leads, Term: c.Term(), Last: c.raft.LastIndex(), Applied: c.raft.AppliedIndex()}
}

// Confirm returns nil once a majority has confirmed that this voter leads, and
// its records hold everything committed before.
func (c *Control) Confirm(ctx context.Context) error {
	if _, self := c.Leader(); !self {
		return c.notLeader()
	}
	// What was acknowledged in an earlier term is committed, but perhaps not
	// applied here yet.
	if term := c.Term(); c.caughtUp.Load() != term {
		if err := c.await(ctx, c.raft.Barrier(applyTimeout)); err != nil {
			return err
		}
		c.caughtUp.Store(term)
	}
	return c.await(ctx, c.raft.VerifyLeader())
}

// Propose appends a transaction, and returns what became of it on this voter. A
// NotLeaderError means that nothing happened; ErrNoQuorum that nobody knows.
func (c *Control) Propose(ctx context.Context, txn gossip.Txn) (gossip.Outcome, error) {
	if err := txn.Validate(); err != nil {
		return gossip.Outcome{}, err
	}
	data, err := json.Marshal(txn)
	if err != nil {
		return gossip.Outcome{}, fmt.Errorf("propose: %w", err)
	}
	future := c.raft.Apply(data, applyTimeout)
	if err := c.await(ctx, future); err != nil {
		return gossip.Outcome{}, err
	}
	out, ok := future.Response().(gossip.Outcome)
	if !ok {
		return gossip.Outcome{}, fmt.Errorf("propose: the log answered with %T", future.Response())
	}
	return out, nil
}

// await waits for a future of raft's, as long as ctx allows and the voter is open:
// raft may drop, unanswered, what waits for its state machine as it stops, and then
// the goroutine here is left, too.
func (c *Control) await(ctx context.Context, f raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w in time: %w", ErrNoQuorum, ctx.Err())
	case <-c.quit:
		return ErrClosed
	case err := <-done:
		switch {
		case err == nil:
			return nil
		case errors.Is(err, raft.ErrNotLeader):
			return c.notLeader()
		case errors.Is(err, raft.ErrRaftShutdown):
			return ErrClosed
		case errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
			return fmt.Errorf("%w: %w", ErrNoQuorum, err)
		default:
			return fmt.Errorf("control log: %w", err)
		}
	}
}

func (c *Control) notLeader() error {
	id, self := c.Leader()
	if self {
		id = "" // it has just come or gone
	}
	return &NotLeaderError{id}
}

// Close ends the voter; its Log and Stable may then be closed.
func (c *Control) Close() error {
	close(c.quit)
	err := c.raft.Shutdown().Error()
	c.done.Wait()
	err = errors.Join(err, c.net.Close())
	if err != nil {
		return fmt.Errorf("close control log: %w", err)
	}
	return nil
}
