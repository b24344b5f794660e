package behaviour

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// answer is what became of a request made in the background.
type answer struct {
	proto Proto
	reply *Reply
	err   error
}

// TestStopFinishes: a node that is told to stop takes nobody new, finishes what
// is under way over each protocol, and ends with 0.
func TestStopFinishes(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			docs := NewDocs(t, docsorigin.Options{})
			n := edged.Node(t, docs.URL)
			r := n.Readers(t)
			ctx, cancel := context.WithTimeout(t.Context(), pollTimeout)
			defer cancel()
			paths := map[Proto]string{H1: trial, H2: trialP1, H3: "/v1/segments/b2c/ctas/trial"}
			var holds []*Hold
			answers := make(chan answer, len(paths))
			for proto, path := range paths {
				hold := docs.Holds.Hold(path)
				holds = append(holds, hold)
				go func() {
					reply, err := r.Do(ctx, proto, Ask{Target: path})
					answers <- answer{proto, reply, err}
				}()
				Receive(t, "the origin being asked over "+string(proto), hold.Held)
			}
			n.Signal(signal)
			for _, at := range []string{n.HTTP, n.HTTPS} {
				_, address, _ := strings.Cut(at, "://")
				Until(t, "refused connections at "+address, func() bool { return !accepts(address) })
			}
			require.True(t, n.Running(), "it ended with requests under way:\n%s", n.Logs())
			for _, hold := range holds {
				hold.Release()
			}
			for range paths {
				a := Receive(t, "an answer", answers)
				require.NoError(t, a.err, a.proto)
				require.Equal(t, 200, a.reply.Status, a.proto)
				require.Equal(t, string(docs.Direct(paths[a.proto], "", "").Body), string(a.reply.Body), a.proto)
			}
			require.Zero(t, n.Wait())
			require.NoDirExists(t, filepath.Dir(n.CA), "the temporary state is still there")
		})
	}
}

// accepts reports whether somebody listens at a TCP address.
func accepts(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}

// TestStopIsBounded: a request that does not end does not keep a node for ever.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	n := edged.Configured(t, docs.URL, "limits: {shutdown: 500ms}")
	r := n.Readers(t)
	ctx, cancel := context.WithTimeout(t.Context(), pollTimeout)
	defer cancel()
	hold := docs.Holds.Hold(trial)
	answers := make(chan answer, len(Protos()))
	for _, proto := range Protos() {
		go func() {
			reply, err := r.Do(ctx, proto, Ask{Target: trial})
			answers <- answer{proto, reply, err}
		}()
	}
	Receive(t, "the origin being asked", hold.Held)
	// A connection that is only being made when the node ends hears of no end.
	admins := []*Admin{n.Administer(t)}
	Until(t, "the others to wait for it", func() bool { return waiting(t, admins) == float64(len(Protos())-1) })
	n.Signal(syscall.SIGTERM)
	began := time.Now()
	n.Wait()
	require.Less(t, time.Since(began), 9*time.Second, "ten is what it has when nothing is said")
	for range Protos() {
		if a := Receive(t, "the end of a request", answers); a.err == nil {
			require.Equal(t, 503, a.reply.Status, a.proto)
		}
	}
}

// TestDemoEnds: on ^C a demo ends with 0 and takes everything with it.
func TestDemoEnds(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			d := edged.Demo(t, "--regions", "a,b", "--nodes", "2")
			d.Nodes[0].Readers(t).Get(t, H3, trial)
			d.Signal(signal)
			require.Zero(t, d.Wait(), d.Logs())
			for _, n := range d.Nodes {
				require.False(t, Alive(n.PID), "%s is still there", n.ID)
			}
			require.NoDirExists(t, filepath.Dir(d.CA), "the temporary state is still there")
		})
	}
}

// TestKilledDemo: a demo that is killed leaves no node behind.
func TestKilledDemo(t *testing.T) {
	t.Parallel()
	d := edged.Demo(t, "--regions", "a,b", "--nodes", "1")
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(d.CA)) }) // nobody else does
	d.Kill()
	for _, n := range d.Nodes {
		Until(t, "the end of "+n.ID, func() bool { return !Alive(n.PID) })
	}
}

// TestKilledNode: a node of a demo that is killed stays dead, the others go on,
// and it can be started again by hand where it was.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	d := edged.Demo(t, "--regions", "a", "--nodes", "2")
	killed, other := d.Nodes[0], d.Nodes[1]
	require.Equal(t, 200, killed.Readers(t).Get(t, H1, trial).Status)
	require.NoError(t, syscall.Kill(killed.PID, syscall.SIGKILL))
	Until(t, "the end of "+killed.ID, func() bool { return !Alive(killed.PID) })
	require.Equal(t, 200, other.Readers(t).Get(t, H1, trial).Status)
	require.True(t, d.Running())

	// If the demo had started it again, its ports would be taken.
	again := edged.ByConfig(t, killed.Config)
	require.NotEqual(t, killed.PID, again.PID)
	where := func(n *Node) []string { return []string{n.ID, n.Region, n.HTTP, n.HTTPS, n.H3, n.Admin, n.Config} }
	require.Equal(t, where(killed), where(again))
	again.Token, again.CA = d.Token, d.CA
	r := again.Readers(t)
	for _, proto := range Protos() {
		require.Equal(t, 200, r.Get(t, proto, trial).Status, proto)
	}
	again.Administer(t).Want(t, 201, nil, "PUT", "/v1/quotas/b2b", `{"rps":1000}`)

	d.Signal(os.Interrupt)
	require.Zero(t, d.Wait(), d.Logs())
	require.False(t, Alive(other.PID))
	require.True(t, again.Running(), "what the demo did not start is not its to end")
}
