package swim

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/letteros/letteredge/gossip"
)

// Config is what a Pool has to know.
type Config struct {
	Label string // of the cluster and the pool: others' packets are dropped
	Node  string
	Meta  Meta
	Addr  string   // host:port, UDP and TCP; what others are told
	Join  []string // addresses of others' pools
	Keys  [][]byte // AES keys; the first encrypts
	// Wide is for ways of tens of milliseconds and more.
	Wide bool
	// Receive takes what others broadcast. It is called by one goroutine.
	Receive func(message []byte)
	// Changed is called after somebody has come, gone, or changed. It must be
	// quick.
	Changed func()
	Log     *slog.Logger
}

// Member is a node that is there, as far as the pool can tell.
type Member struct {
	ID string
	Meta
}

// Pool is this node's part in a pool.
type Pool struct {
	cfg  Config
	list *memberlist.Memberlist
	d    *delegate
	stop context.CancelFunc
	work sync.WaitGroup
}

const (
	// maxBroadcast is what fits into a packet beside encryption and framing.
	maxBroadcast = 1300
	inbox        = 4096
	rejoinEvery  = time.Second
	leaveTimeout = 200 * time.Millisecond
)

// Open starts the pool. It does not wait for others: it goes on trying to join
// until Close.
func Open(cfg Config) (*Pool, error) {
	meta, err := cfg.Meta.encode()
	if err != nil {
		return nil, fmt.Errorf("open pool %s: %w", cfg.Label, err)
	}
	host, portText, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("open pool %s: %w", cfg.Label, err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("open pool %s: port %q is no number", cfg.Label, portText)
	}
	if len(cfg.Keys) == 0 {
		return nil, fmt.Errorf("open pool %s: there is no key", cfg.Label)
	}
	ring, err := memberlist.NewKeyring(cfg.Keys, cfg.Keys[0])
	if err != nil {
		return nil, fmt.Errorf("open pool %s: %w", cfg.Label, err)
	}
	p := &Pool{cfg: cfg, d: &delegate{meta: meta, in: make(chan []byte, inbox), changed: cfg.Changed, members: map[string]Meta{}}}
	c := memberlist.DefaultLANConfig()
	if cfg.Wide {
		c = memberlist.DefaultWANConfig()
	}
	c.Name, c.Label, c.Keyring = cfg.Node, cfg.Label, ring
	c.BindAddr, c.BindPort, c.AdvertiseAddr, c.AdvertisePort = host, port, host, port
	c.EnableCompression = false // it would tell, by lengths, what is encrypted
	c.Delegate, c.Events = p.d, p.d
	c.Logger = slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)
	c.PushPullInterval = 5 * time.Second
	if !cfg.Wide {
		c.GossipInterval, c.GossipNodes = 20*time.Millisecond, 8
		c.ProbeInterval, c.ProbeTimeout, c.SuspicionMult = 500*time.Millisecond, 250*time.Millisecond, 3
	} else {
		c.GossipInterval, c.GossipNodes = 100*time.Millisecond, 8
		c.ProbeInterval, c.ProbeTimeout, c.SuspicionMult = time.Second, 500*time.Millisecond, 4
	}
	p.d.queue.NumNodes = func() int { return max(1, p.d.nodes()) }
	p.d.queue.RetransmitMult = c.RetransmitMult
	if p.list, err = memberlist.Create(c); err != nil {
		return nil, fmt.Errorf("open pool %s: %w", cfg.Label, err)
	}
	p.d.list.Store(p.list)
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	p.work.Go(func() { p.join(ctx) })
	p.work.Go(func() { p.receive(ctx) })
	return p, nil
}

// join tries to find others until it has, and again whenever it is alone.
func (p *Pool) join(ctx context.Context) {
	others := slices.DeleteFunc(slices.Clone(p.cfg.Join), func(a string) bool { return a == p.cfg.Addr })
	if len(others) == 0 {
		return
	}
	again := time.NewTicker(rejoinEvery)
	defer again.Stop()
	for {
		if p.list.NumMembers() < 2 {
			if _, err := p.list.Join(others); err != nil {
				p.cfg.Log.Debug("no other node found yet", "pool", p.cfg.Label, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// receive hands on what others broadcast.
func (p *Pool) receive(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-p.d.in:
			p.cfg.Receive(m)
		}
	}
}

// Members returns the nodes that are there, this one among them, in the order of their
// ids.
func (p *Pool) Members() []Member {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	var all []Member
	for id, m := range p.d.members {
		all = append(all, Member{id, m})
	}
	slices.SortFunc(all, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Broadcast sends a message to others, a few times, to those that chance names.
func (p *Pool) Broadcast(message []byte) {
	if len(message) > maxBroadcast { // it would stay in the queue for ever
		p.d.dropped.Add(1)
		return
	}
	p.d.queue.QueueBroadcast(broadcast(message))
}

// Dropped counts messages that were too long, or came too fast.
func (p *Pool) Dropped() uint64 { return p.d.dropped.Load() }

// Close tells the others that this node goes, if any is there to hear it, and
// ends.
func (p *Pool) Close() error {
	p.stop()
	if err := p.list.Leave(leaveTimeout); err != nil {
		p.cfg.Log.Debug("nobody was told of the leaving", "pool", p.cfg.Label, "err", err)
	}
	err := p.list.Shutdown()
	p.work.Wait()
	if err != nil {
		return fmt.Errorf("close pool %s: %w", p.cfg.Label, err)
	}
	return nil
}

// delegate is what memberlist asks and tells.
type delegate struct {
	meta    []byte
	in      chan []byte
	queue   memberlist.TransmitLimitedQueue
	list    atomic.Pointer[memberlist.Memberlist]
	changed func()
	dropped atomic.Uint64

	mu sync.Mutex
	// members are those that are there, by events: the list's own Members hands out
	// what it goes on writing to. Guarded by mu.
	members map[string]Meta
}

func (d *delegate) nodes() int {
	if l := d.list.Load(); l != nil {
		return l.NumMembers()
	}
	return 1
}

func (d *delegate) NodeMeta(int) []byte { return d.meta }
func (d *delegate) GetBroadcasts(overhead, limit int) [][]byte {
	return d.queue.GetBroadcasts(overhead, limit)
}
func (d *delegate) LocalState(bool) []byte        { return nil }
func (d *delegate) MergeRemoteState([]byte, bool) {}

// NotifyMsg must neither block nor keep message.
func (d *delegate) NotifyMsg(message []byte) {
	select {
	case d.in <- slices.Clone(message):
	default:
		d.dropped.Add(1)
	}
}

func (d *delegate) NotifyJoin(n *memberlist.Node)   { d.is(n) }
func (d *delegate) NotifyUpdate(n *memberlist.Node) { d.is(n) }

func (d *delegate) NotifyLeave(n *memberlist.Node) {
	d.mu.Lock()
	delete(d.members, n.Name)
	d.mu.Unlock()
	d.changed()
}

// is notes what a node tells of itself. The list's lock is held.
func (d *delegate) is(n *memberlist.Node) {
	m, err := decodeMeta(n.Meta)
	d.mu.Lock()
	if err == nil && gossip.ValidNode(n.Name) {
		d.members[n.Name] = m
	} else {
		delete(d.members, n.Name)
	}
	d.mu.Unlock()
	d.changed()
}

// broadcast is a message on its way out. None replaces another.
type broadcast []byte

func (broadcast) Invalidates(memberlist.Broadcast) bool { return false }
func (b broadcast) Message() []byte                     { return b }
func (broadcast) Finished()                             {}
