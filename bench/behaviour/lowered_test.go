package behaviour

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestALoweredQuotaBindsTheFrozen: what a PUT says of when a lower limit binds holds
// for a node that is frozen meanwhile, too: woken after that moment it admits nothing
// by its former share, whoever has been waiting in its sockets, and soon goes on by
// the new one.
func TestALoweredQuotaBindsTheFrozen(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	allReady(t, demo)
	admins := demo.admins(t)
	frozen := demo.Nodes[5] // no voter
	reader := frozen.Readers(t)
	var was, is struct {
		EffectiveAt time.Time `json:"effective_at"`
	}
	admins[0].Want(t, http.StatusCreated, &was, "PUT", "/v1/quotas/b2b", `{"rps":300,"burst":300}`)
	require.WithinDuration(t, time.Now(), was.EffectiveAt, 4*time.Second, "all had it at once: nobody's term was waited for")
	Until(t, "the frozen node to have saved up its share", func() bool { return time.Since(was.EffectiveAt) > 1500*time.Millisecond })
	require.Equal(t, 200, reader.Get(t, H1, trial).Status)

	require.NoError(t, syscall.Kill(frozen.PID, syscall.SIGSTOP))
	admins[1].Want(t, http.StatusOK, &is, "PUT", "/v1/quotas/b2b", `{"rps":6,"burst":6}`)
	ahead := time.Until(is.EffectiveAt)
	require.Positive(t, ahead, "the frozen one may wake before, and decides by what it knows")
	require.Less(t, ahead, 5050*time.Millisecond)
	var conns []net.Conn
	for range 60 {
		c, err := net.Dial("tcp", strings.TrimPrefix(frozen.HTTP, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, "GET "+trial+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		conns = append(conns, c)
	}
	Until(t, "the lower limit to bind", func() bool { return time.Now().After(is.EffectiveAt) })
	require.NoError(t, syscall.Kill(frozen.PID, syscall.SIGCONT))
	begun := time.Now()
	var admitted atomic.Int64
	for _, c := range conns {
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		answer, err := io.ReadAll(c)
		require.NoError(t, err)
		if strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			admitted.Add(1)
		} else {
			require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 429"), "%.200s", answer)
		}
	}
	took := time.Since(begun).Seconds()
	require.LessOrEqual(t, float64(admitted.Load()), 6+6*took, "in %.2f s after the lower limit was said to bind", took)
	Until(t, "the woken node to know the limit, and to admit by it", func() bool {
		r := reader.Get(t, H1, trial)
		return r.Status == 200 && r.Header.Get("RateLimit-Policy") == `"b2b";q=6;w=1`
	})
}

// TestACutOffNodeSpendsItsBaseShare: where most voters are gone nobody knows whether a
// limit still holds, and nodes admit a fiftieth of it; what no quota governs is served.
func TestACutOffNodeSpendsItsBaseShare(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	allReady(t, demo)
	admins := demo.admins(t)
	admins[0].Want(t, http.StatusCreated, nil, "PUT", "/v1/quotas/b2b", `{"rps":600,"burst":600}`)
	reader := demo.Nodes[1].Readers(t)
	Until(t, "the limit to admit", func() bool { return reader.Get(t, H1, trial).Status == 200 })
	require.Equal(t, 200, reader.Get(t, H1, otherTrial).Status)
	kill(t, demo.Nodes[2])
	kill(t, demo.Nodes[4])
	Until(t, "the node to refuse what is beyond its base share", func() bool {
		r := reader.Get(t, H1, trial)
		return r.Status == http.StatusTooManyRequests && r.Header.Get("Edge-Degraded") == "isolated"
	})
	Until(t, "the base share to admit", func() bool { return reader.Get(t, H1, trial).Status == 200 })
	require.Equal(t, 200, reader.Get(t, H1, otherTrial).Status)
}
