package control

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/gossip"
)

func TestMain(m *testing.M) {
	// raft may forget a question for its leader that is open when it shuts down:
	// who waits for the answer is told so by ctx, the goroutine that asked stays.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/letteros/letteredge/gossip/control.(*Control).await.func1"))
}

// memory is a Log and a Stable.
type memory struct {
	mu      sync.Mutex
	entries []Entry
	values  map[string][]byte
}

func (m *memory) First() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) == 0 {
		return 0, nil
	}
	return m.entries[0].Index, nil
}

func (m *memory) Last() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) == 0 {
		return 0, nil
	}
	return m.entries[len(m.entries)-1].Index, nil
}

func (m *memory) Get(index uint64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if e.Index == index {
			return e.Data, nil
		}
	}
	return nil, nil
}

func (m *memory) Append(list []Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append(m.entries, list...)
	return nil
}

func (m *memory) Delete(low, high uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = slices.DeleteFunc(m.entries, func(e Entry) bool { return e.Index >= low && e.Index <= high })
	return nil
}

func (m *memory) stable() stableMemory { return stableMemory{m} }

type stableMemory struct{ m *memory }

func (s stableMemory) Set(key string, v []byte) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.values == nil {
		s.m.values = map[string][]byte{}
	}
	s.m.values[key] = slices.Clone(v)
	return nil
}

func (s stableMemory) Get(key string) ([]byte, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.m.values[key], nil
}

// identity is a self-signed certificate by which a voter is known.
func identity(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func named(s tls.ConnectionState, names ...string) error {
	if !slices.Contains(names, s.PeerCertificates[0].DNSNames[0]) {
		return fmt.Errorf("%v answers in the place of %v", s.PeerCertificates[0].DNSNames, names)
	}
	return nil
}

// trio is three voters, and a client on a node that is none.
type trio struct {
	t      *testing.T
	names  []string
	voters []Voter
	certs  map[string]tls.Certificate
	disks  map[string]*memory
	dirs   map[string]string

	mu      sync.Mutex
	running map[string]*Control
	records map[string]*gossip.Records
}

func newTrio(t *testing.T) *trio {
	c := &trio{t: t, names: []string{"a", "b", "c"}, certs: map[string]tls.Certificate{}, disks: map[string]*memory{},
		dirs: map[string]string{}, running: map[string]*Control{}, records: map[string]*gossip.Records{}}
	var listeners []net.Listener
	for _, n := range c.names {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		listeners = append(listeners, ln)
		c.voters = append(c.voters, Voter{n, ln.Addr().String()})
		c.certs[n], c.disks[n], c.dirs[n] = identity(t, n), &memory{}, t.TempDir()
	}
	for i, n := range c.names {
		c.open(n, listeners[i])
	}
	t.Cleanup(func() {
		for _, n := range c.names {
			c.kill(n)
		}
	})
	return c
}

func (c *trio) open(name string, ln net.Listener) *Control {
	c.t.Helper()
	records := gossip.NewRecords()
	v, err := Open(Config{
		ID: name, Voters: c.voters, Listener: ln, Log: c.disks[name], Stable: c.disks[name].stable(), Snapshots: c.dirs[name],
		Heartbeat: 150 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Server: &tls.Config{Certificates: []tls.Certificate{c.certs[name]}, ClientAuth: tls.RequireAnyClientCert,
			VerifyConnection: func(s tls.ConnectionState) error { return named(s, c.names...) }},
		Client: func(node string) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{c.certs[name]}, InsecureSkipVerify: true,
				VerifyConnection: func(s tls.ConnectionState) error { return named(s, node) }}
		},
	}, records)
	require.NoError(c.t, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[name], c.records[name] = v, records
	return v
}

func (c *trio) kill(name string) {
	c.mu.Lock()
	v := c.running[name]
	delete(c.running, name)
	c.mu.Unlock()
	if v != nil {
		require.NoError(c.t, v.Close())
	}
}

func (c *trio) again(name string) {
	c.t.Helper()
	i := slices.Index(c.names, name)
	var ln net.Listener
	require.Eventually(c.t, func() (ok bool) {
		var err error
		ln, err = net.Listen("tcp", c.voters[i].Address)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	c.open(name, ln)
}

// Call is what edge/peer does: a call of the node "x" to a voter.
func (c *trio) Call(ctx context.Context, node, _ string, body []byte) ([]byte, error) {
	c.mu.Lock()
	v := c.running[node]
	c.mu.Unlock()
	if v == nil {
		return nil, errors.New("connection refused")
	}
	return v.Serve(ctx, gossip.Member{Node: "x"}, body)
}

func (c *trio) client() *Client {
	records := gossip.NewRecords()
	feed := func() { // what gossip/spread does
		for _, n := range c.names {
			c.mu.Lock()
			from := c.records[n]
			c.mu.Unlock()
			if recs, at := from.Since(records.Index()); at > records.Index() {
				_ = records.Merge(recs, at) // valid: they come from Records
			}
		}
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				feed()
			}
		}
	})
	c.t.Cleanup(func() { close(stop); done.Wait() })
	return NewClient(nil, records, c, c.names)
}

func (c *trio) leader() string {
	c.t.Helper()
	var id string
	require.Eventually(c.t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for n, v := range c.running {
			if _, self := v.Leader(); self {
				id = n
				return true
			}
		}
		return false
	}, time.Minute, 10*time.Millisecond)
	return id
}

// update makes a change of k, and again where a slow machine took longer to elect a
// leader than a change may.
func (c *trio) update(client *Client, compute func(map[string]gossip.Record) (gossip.Txn, error)) {
	c.t.Helper()
	for begun := time.Now(); ; {
		_, err := client.Update(c.t.Context(), []string{"k"}, compute)
		if err == nil {
			return
		}
		require.ErrorIs(c.t, err, ErrNoQuorum)
		require.Less(c.t, time.Since(begun), time.Minute)
	}
}

// set is an update that writes a value.
func set(key, value string) func(map[string]gossip.Record) (gossip.Txn, error) {
	return func(map[string]gossip.Record) (gossip.Txn, error) {
		return gossip.Txn{Puts: []gossip.Put{{Key: key, Value: json.RawMessage(value)}}}, nil
	}
}

func TestVotersDie(t *testing.T) {
	c := newTrio(t)
	client := c.client()
	c.update(client, set("k", "1"))
	r, ok := client.records.Get("k")
	require.True(t, ok, "an update returns when this node has it")
	require.Equal(t, "1", string(r.Value))

	one := c.leader()
	c.kill(one)
	c.update(client, set("k", "2")) // one of three is dead
	two := c.leader()
	c.kill(two)
	begin := time.Now()
	_, err := client.Update(t.Context(), []string{"k"}, set("k", "3"))
	require.ErrorIs(t, err, ErrNoQuorum)
	require.Less(t, time.Since(begin), time.Minute)

	c.again(one)
	c.update(client, func(now map[string]gossip.Record) (gossip.Txn, error) {
		require.Contains(t, []string{"2", "3", "4"}, string(now["k"].Value), "what was acknowledged is there")
		return set("k", "4")(now)
	})
	c.again(two)
	require.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, n := range c.names {
			if r, _ := c.records[n].Get("k"); string(r.Value) != "4" {
				return false
			}
		}
		return true
	}, time.Minute, 10*time.Millisecond, "all voters have the same in the end")
}

// Increments from many nodes at once, over a change of leaders: none is lost.
func TestUpdatesNeverLoseOne(t *testing.T) {
	c := newTrio(t)
	client := c.client()
	c.leader()
	var all sync.WaitGroup
	var acknowledged, tried sync.Map
	for w := range 4 {
		all.Go(func() {
			for i := range 10 {
				id := fmt.Sprintf("%d-%d", w, i)
				tried.Store(id, true)
				_, err := client.Update(t.Context(), []string{"set"}, func(now map[string]gossip.Record) (gossip.Txn, error) {
					set := map[string]bool{}
					if v := now["set"].Value; v != nil {
						if err := json.Unmarshal(v, &set); err != nil {
							return gossip.Txn{}, err
						}
					}
					set[id] = true
					value, err := json.Marshal(set)
					return gossip.Txn{Puts: []gossip.Put{{Key: "set", Value: value}}}, err
				})
				if err == nil {
					acknowledged.Store(id, true)
				}
				if w == 0 && i == 4 {
					c.kill(c.leader())
				}
			}
		})
	}
	all.Wait()
	c.leader()
	now, err := client.Read(t.Context(), []string{"set"})
	require.NoError(t, err)
	set := map[string]bool{}
	require.NoError(t, json.Unmarshal(now["set"].Value, &set))
	count := 0
	acknowledged.Range(func(id, _ any) bool {
		count++
		require.True(t, set[id.(string)], "%s was acknowledged, and is lost", id)
		return true
	})
	require.Greater(t, count, 30)
}

func TestOnLeadEndsWithTheTerm(t *testing.T) {
	c := newTrio(t)
	id := c.leader()
	c.mu.Lock()
	v := c.running[id]
	c.mu.Unlock()
	led := make(chan uint64, 8)
	ended := make(chan struct{}, 8)
	for _, n := range c.names {
		c.mu.Lock()
		other := c.running[n]
		c.mu.Unlock()
		other.OnLead(func(ctx context.Context, term uint64) {
			led <- term
			<-ctx.Done()
			ended <- struct{}{}
		})
	}
	next := func() uint64 {
		t.Helper()
		select {
		case term := <-led:
			return term
		case <-time.After(time.Minute):
			require.Fail(t, "nobody leads")
			return 0
		}
	}
	require.Equal(t, v.Term(), next(), "a hook that comes late is called all the same")
	before := v.Term()
	c.kill(id)
	select {
	case <-ended:
	case <-time.After(time.Minute):
		require.Fail(t, "the hook of a leader that is gone goes on")
	}
	require.Greater(t, next(), before)
}

func TestALoneVoter(t *testing.T) {
	disk, dir := &memory{}, t.TempDir()
	for i := range 2 {
		records, lines := gossip.NewRecords(), &bytes.Buffer{}
		v, err := Open(Config{ID: "a", Voters: []Voter{{ID: "a"}}, Log: disk, Stable: disk.stable(), Snapshots: dir, Logger: slog.New(slog.NewTextHandler(lines, nil))}, records)
		require.NoError(t, err)
		client := NewClient(v, records, nil, []string{"a"})
		out, err := client.Update(t.Context(), []string{"n"}, func(now map[string]gossip.Record) (gossip.Txn, error) {
			if i == 1 {
				require.Equal(t, "0", string(now["n"].Value), "what was acknowledged survives")
			}
			return set("n", strconv.Itoa(i))(now)
		})
		require.NoError(t, err)
		require.True(t, out.Applied)
		s := v.Stats()
		require.True(t, s.Leads)
		require.Equal(t, v.Term(), s.Term)
		require.Equal(t, records.Index(), s.Applied)
		require.GreaterOrEqual(t, s.Last, s.Applied)
		require.NoError(t, v.Close())
		require.Equal(t, 1, strings.Count(lines.String(), "level=INFO msg=\"the control log has a leader\" leader=a"), lines.String())
	}
}

func TestStrangersAreNoVoters(t *testing.T) {
	c := newTrio(t)
	c.leader()
	stranger := identity(t, "stranger")
	conn, err := tls.Dial("tcp", c.voters[0].Address, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{stranger}})
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
		_ = conn.Close()
	}
	require.Error(t, err)
}

func TestNobodyEnrolsAnother(t *testing.T) {
	c := newTrio(t)
	client := c.client()
	_, err := client.Update(t.Context(), []string{"node/y"}, set("node/y", "1"))
	require.ErrorIs(t, err, errRefused)
	_, err = client.Update(t.Context(), []string{"node/x"}, set("node/x", "1"))
	require.NoError(t, err)
}

func FuzzQuestion(f *testing.F) {
	f.Add([]byte(`{"keys":["a"]}`))
	f.Add([]byte(`{"txn":{"puts":[{"key":"a","value":1}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := decodeQuestion(body)
		if err == nil && q.Txn == nil && len(q.Keys) == 0 {
			t.Fatal("a question that asks nothing")
		}
	})
}
