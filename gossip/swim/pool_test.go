package swim

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place finds an address that is free for TCP and UDP.
func place(t *testing.T) string {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		udp, err := net.ListenPacket("udp", ln.Addr().String())
		_ = ln.Close()
		if err == nil {
			_ = udp.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

type box struct {
	mu  sync.Mutex
	got map[string]int
}

func (b *box) take(m []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.got == nil {
		b.got = map[string]int{}
	}
	b.got[string(m)]++
}

func (b *box) has(m string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got[m] > 0
}

func open(t *testing.T, label, node, addr string, key byte, join ...string) (*Pool, *box) {
	t.Helper()
	return openAs(t, label, node, addr, key, 7, join...)
}

func openAs(t *testing.T, label, node, addr string, key byte, incarnation uint64, join ...string) (*Pool, *box) {
	t.Helper()
	keys := [][]byte{make([]byte, 32)}
	keys[0][0] = key
	b := &box{}
	p, err := Open(Config{
		Label: label, Node: node, Addr: addr, Join: join, Keys: keys, Meta: Meta{Region: "tokyo", Incarnation: incarnation, Peer: "127.0.0.1:9"},
		Receive: b.take, Changed: func() {}, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return p, b
}

func TestPool(t *testing.T) {
	addrs := []string{place(t), place(t), place(t)}
	var pools []*Pool
	var boxes []*box
	for i, a := range addrs { // the first starts alone, and is found later
		p, b := open(t, "letters/tokyo", fmt.Sprintf("n%d", i), a, 1, addrs...)
		pools, boxes = append(pools, p), append(boxes, b)
	}
	stranger, _ := open(t, "letters/tokyo", "stranger", place(t), 2, addrs...)
	neighbour, _ := open(t, "letters/osaka", "neighbour", place(t), 1, addrs...)
	for _, p := range pools {
		require.Eventually(t, func() bool { return len(p.Members()) == 3 }, time.Minute, 10*time.Millisecond)
		require.Equal(t, Meta{Region: "tokyo", Incarnation: 7, Peer: "127.0.0.1:9"}, p.Members()[0].Meta)
	}
	pools[0].Broadcast([]byte("hello"))
	for _, b := range boxes[1:] {
		require.Eventually(t, func() bool { return b.has("hello") }, time.Minute, 5*time.Millisecond)
	}
	pools[0].Broadcast(make([]byte, maxBroadcast+1))
	require.Equal(t, uint64(1), pools[0].Dropped())

	require.NoError(t, pools[2].Close())
	for _, p := range pools[:2] {
		require.Eventually(t, func() bool { return len(p.Members()) == 2 }, time.Minute, 10*time.Millisecond)
	}
	require.Len(t, stranger.Members(), 1, "another key")
	require.Len(t, neighbour.Members(), 1, "another pool")
	for _, p := range []*Pool{pools[0], pools[1], stranger, neighbour} {
		require.NoError(t, p.Close())
	}
}

// Members is called all the time, also while somebody comes back and tells another thing
// of itself. (It took a race detector to see what was wrong.)
func TestMembersWhileOneComesBack(t *testing.T) {
	here, there := place(t), place(t)
	p, _ := open(t, "letters/tokyo", "here", here, 1)
	done, reading := make(chan struct{}), sync.WaitGroup{}
	reading.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				p.Members()
			}
		}
	})
	for incarnation := range uint64(5) {
		other, _ := openAs(t, "letters/tokyo", "there", there, 1, incarnation, here)
		require.Eventually(t, func() bool {
			m := p.Members()
			return len(m) == 2 && m[1] == Member{"there", Meta{"tokyo", incarnation, "127.0.0.1:9"}}
		}, time.Minute, 5*time.Millisecond)
		if incarnation == 4 {
			require.NoError(t, other.Close())
			break
		}
		other.stop() // it ends without a word, and is back before anybody has missed it
		require.NoError(t, other.list.Shutdown())
		other.work.Wait()
	}
	close(done)
	reading.Wait()
	require.Eventually(t, func() bool { return len(p.Members()) == 1 }, time.Minute, 5*time.Millisecond)
	require.NoError(t, p.Close())
}

func FuzzMeta(f *testing.F) {
	f.Add([]byte(`{"r":"tokyo","i":7,"p":"127.0.0.1:9"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := decodeMeta(b); err == nil && m.Region == "" {
			t.Fatal("a region without a name")
		}
	})
}
