package behaviour

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// TestANodeFrozenSoonAfterItsStart: a node that has just started, and of which the
// others may have heard nothing yet, is frozen in the midst of a push. Once that is
// done the node shows the new version, or marks what it shows: also to those who waited in
// its sockets.
func TestANodeFrozenSoonAfterItsStart(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	demo := edged.Demo(t, "--origin", docs.URL)
	allReady(t, demo)
	p := pusher{command(t, "edgectl"), demo}
	exit, last := p.push(t, docs.Dir)
	require.Zero(t, exit, "%+v", last)
	admins := demo.admins(t)
	x := demo.Nodes[5] // no voter
	kill(t, x)
	back := starting(t, x)
	admin := x.Administer(t)
	Until(t, "the node to be ready", func() bool {
		r, err := admin.Try(t.Context(), "GET", "/readyz", "")
		return err == nil && r.Status == http.StatusOK
	})
	reader := back.Readers(t)
	require.Equal(t, http.StatusOK, reader.Get(t, H1, trial).Status)

	next := docs.Raise(t, "trial")
	pushing := exec.Command(p.edgectl.path, "--admin", demo.Nodes[1].Admin, "--token", demo.Token, "docs", "push", docs.Dir)
	require.NoError(t, pushing.Start())
	Until(t, "the push to be under way", func() bool {
		var list struct {
			Items []struct{ State string }
		}
		admins[0].Want(t, http.StatusOK, &list, "GET", "/v1/rollouts?limit=1", "")
		return list.Items[0].State == "running"
	})
	stop(t, back.PID)
	stopped := time.Now()
	var waiting []net.Conn
	for range 10 {
		c, err := net.Dial("tcp", strings.TrimPrefix(back.HTTP, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, "GET "+trial+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		waiting = append(waiting, c)
	}
	require.NoError(t, pushing.Wait())
	took := time.Since(stopped)
	became := admins[0].Do(t, "GET", "/v1/rollouts?limit=1", "").Body
	require.NoError(t, syscall.Kill(back.PID, syscall.SIGCONT))
	newOrMarked := func(h http.Header) {
		if h.Get("Edge-Degraded") == "" {
			require.Contains(t, h.Get("Docs-Version"), fmt.Sprintf("trial=%d", next), "%v, %s after it was stopped; %s", h, took, became)
		}
	}
	for _, c := range waiting {
		rep, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		require.NoError(t, rep.Body.Close())
		newOrMarked(rep.Header)
	}
	for begun := time.Now(); time.Since(begun) < 3*time.Second; {
		newOrMarked(reader.Get(t, H1, trial).Header)
	}
	Until(t, "the new version", func() bool { return reader.Get(t, H1, trial).Versions()["trial"] == fmt.Sprint(next) })
}

// stop freezes a process, and waits until each of its threads has heard of it: one
// on another processor may answer a request that was sent after the signal.
func stop(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	Until(t, "the process to stop", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		require.NoError(t, err)
		require.NotEmpty(t, threads)
		for _, name := range threads {
			stat, err := os.ReadFile(name)
			if err != nil {
				return false // it has just ended
			}
			_, after, _ := strings.Cut(string(stat), ") ")
			if !strings.HasPrefix(after, "T") {
				return false
			}
		}
		return true
	})
}
