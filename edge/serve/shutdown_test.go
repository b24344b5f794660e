package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// held is a core whose answers wait for release.
type held struct {
	begun   chan struct{}
	release chan struct{}
}

func newHeld() *held { return &held{make(chan struct{}, 16), make(chan struct{})} }

func (h *held) Begin(*edge.Exchange) bool                    { return false }
func (h *held) Finish(ctx context.Context, x *edge.Exchange) { h.Serve(ctx, x) }

func (h *held) Serve(ctx context.Context, x *edge.Exchange) {
	if x.Req.Target == "/now" {
		x.Rep.Status = 204
		return
	}
	h.begun <- struct{}{}
	select {
	case <-h.release:
		x.Rep.Status, x.Rep.Body, x.Rep.Length = 200, []byte("whole"), 5
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), edge.ErrStopping) {
			x.Rep.Status, x.Rep.Body, x.Rep.Length = 503, []byte("stopping"), 8
		}
	}
}

type outcome struct {
	name, body string
	err        error
}

// inFlight sends a request on each of the clients and waits until the core has
// them all.
func (h *held) inFlight(t *testing.T, clients []client) chan outcome {
	results := make(chan outcome, len(clients))
	for _, c := range clients {
		go func() {
			resp, err := c.Get(c.base + "/slow")
			if err != nil {
				results <- outcome{c.name, "", err}
				return
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			results <- outcome{c.name, string(body), err}
		}()
		select {
		case <-h.begun:
		case <-time.After(30 * time.Second):
			require.Fail(t, "no request came", c.name)
		}
	}
	return results
}

func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	core := newHeld()
	r := start(t, core)
	clients := r.clients()
	idle := r.clients() // open connections, h2 and h3 among them, without a request
	for _, c := range idle {
		require.Equal(t, 204, c.do(t, "GET", "/now", nil).status)
	}
	results := core.inFlight(t, clients)
	require.Equal(t, Connections{TCP: 6, QUIC: 2}, r.Connections())

	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		done <- r.Shutdown(ctx)
	}()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", r.Addrs().Plain.String())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 30*time.Second, 5*time.Millisecond, "no new connections")
	select {
	case err := <-done:
		require.Fail(t, "shut down before the answers", "%v", err)
	case o := <-results:
		require.Fail(t, "an answer before its time", "%v", o)
	case <-time.After(50 * time.Millisecond):
	}
	began := time.Now()
	close(core.release)
	for range clients {
		o := <-results
		require.NoError(t, o.err, o.name)
		require.Equal(t, "whole", o.body, o.name)
	}
	require.NoError(t, <-done)
	require.Less(t, time.Since(began), 30*time.Second, "it does not wait for its time to be up")
	require.Equal(t, Connections{}, r.Connections())
	for _, c := range clients[:3] {
		_, err := c.Get(c.base + "/now")
		require.Error(t, err, c.name)
	}
}

func TestShutdownCutsOffWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	core := newHeld()
	r := startLoose(t, core)
	results := core.inFlight(t, r.clients())
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
	require.NoError(t, <-r.done)
	for range 4 {
		switch o := <-results; o.name {
		case "h1", "h1s":
			require.NoError(t, o.err, o.name)
			require.Equal(t, "stopping", o.body, o.name)
		default:
			require.NotEqual(t, "whole", o.body, o.name)
		}
	}
	require.Equal(t, 0, r.Connections().TCP)
}

// TestShutdownDoesNotWaitForAnIdleHTTP3Client that stays after GOAWAY.
func TestShutdownDoesNotWaitForAnIdleHTTP3Client(t *testing.T) {
	t.Parallel()
	r := startLoose(t, newHeld())
	conn, err := quic.DialAddr(context.Background(), r.Addrs().Secure.String(),
		&tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{"h3"}}, &quic.Config{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.Connections().QUIC == 1 }, 30*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(t, r.Shutdown(ctx))
	require.NoError(t, <-r.done)
	select {
	case <-conn.Context().Done():
	case <-ctx.Done():
		require.Fail(t, "the client was not told")
	}
}

func TestShutdownWithoutServe(t *testing.T) {
	r := listening(t, newHeld())
	require.NoError(t, r.Shutdown(context.Background()))
	_, err := net.Dial("tcp", r.Addrs().Plain.String())
	require.Error(t, err)
	require.NoError(t, r.Serve(), "after a shutdown there is nothing to serve")
}

func TestServeReturnsAListenersError(t *testing.T) {
	r := listening(t, newHeld())
	require.NoError(t, r.h3[0].Close())
	done := make(chan error, 1)
	go func() { done <- r.Serve() }()
	select {
	case err := <-done:
		require.ErrorIs(t, err, errListenerEnded)
	case <-time.After(30 * time.Second):
		require.Fail(t, "Serve goes on without one of its listeners")
	}
	_, err := http.Get("http://" + r.Addrs().Plain.String())
	require.Error(t, err)
}

// TestShutdownWaitsForNobodyWhoHasNotAsked: silent connections, and such as are in the
// middle of a handshake or of a header section, have a moment, and are then closed; content
// that is on the way is waited for.
func TestShutdownWaitsForNobodyWhoHasNotAsked(t *testing.T) {
	t.Parallel()
	const first = "GET /now HTTP/1.1\r\nHost: a\r\n\r\n"
	r := startLoose(t, newHeld(), func(c *Config) { c.HeaderTimeout = time.Hour })
	for _, secure := range []bool{false, true} {
		for name, sent := range map[string]string{
			"nothing":                 "",
			"some of a header":        "GET /now HT",
			"a request":               first,
			"and some of the next":    first + "GET /now HT",
			"and some of one as rare": "GET /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /now HT",
		} {
			conn := r.dial(t, secure)
			_, err := io.WriteString(conn, sent)
			require.NoError(t, err, name)
			if strings.Contains(sent, "\r\n\r\n") {
				_, err = conn.Read(make([]byte, 1))
				require.NoError(t, err, name)
			}
		}
	}
	raw, err := net.Dial("tcp", r.Addrs().Secure.String())
	require.NoError(t, err)
	defer raw.Close()
	_, err = raw.Write([]byte{22, 3, 1, 1, 0}) // the beginning of a ClientHello
	require.NoError(t, err)

	uploads, addrs := map[string]net.Conn{}, []string{}
	for _, secure := range []bool{false, true} {
		for name, before := range map[string]string{"first": "", "later": first} {
			conn := r.dial(t, secure)
			uploads[fmt.Sprint(name, secure)], addrs = conn, append(addrs, conn.LocalAddr().String())
			if before != "" {
				_, err = io.WriteString(conn, before)
				require.NoError(t, err)
				_, err = conn.Read(make([]byte, 1))
				require.NoError(t, err)
				require.Eventually(t, func() bool { return arrivals(r, []string{conn.LocalAddr().String()}) == 0 }, time.Minute, time.Millisecond)
			}
			_, err := io.WriteString(conn, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
			require.NoError(t, err)
		}
	}
	require.Eventually(t, func() bool { return r.Connections().TCP == 15 && arrivals(r, addrs) == len(addrs) }, time.Minute, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(ctx) }()
	require.Eventually(t, func() bool { return r.Connections().TCP == len(uploads) }, 30*time.Second, time.Millisecond)
	for name, conn := range uploads {
		_, err := io.WriteString(conn, "bc")
		require.NoError(t, err, name)
		answers, err := io.ReadAll(conn)
		require.NoError(t, err, name)
		require.Equal(t, 1+strings.Count(name, "later"), strings.Count(string(answers), "TTP/1.1 204"), name)
	}
	require.NoError(t, <-done)
	require.NoError(t, <-r.done)
}

// arrivals is how many of the clients with these addresses have a request whose header
// section is there.
func arrivals(r *rig, clients []string) (n int) {
	r.open.mu.Lock()
	defer r.open.mu.Unlock()
	for conn := range r.open.open {
		next := &lingererOf(conn).next
		next.mu.Lock()
		if next.here && slices.Contains(clients, conn.RemoteAddr().String()) {
			n++
		}
		next.mu.Unlock()
	}
	return n
}
