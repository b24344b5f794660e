package bare

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/bench/load"
)

const childEnv = "LETTEREDGE_TEST_BARE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := Child(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m,
		// fasthttp's clock of the Date field runs as long as the process.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// fasthttp's cleaner of idle workers wakes every 10 s to see that its server has ended.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

func spec(proto load.Proto, tls bool) Spec {
	return Spec{Proto: proto, TLS: tls, Status: 200, Body: []byte(`{"kind":"cta"}`), Fields: []load.Field{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "ETag", Value: `"abc"`},
		{Name: "Cache-Groups", Value: `"segment:b2b"`},
		{Name: "Cache-Groups", Value: `"cta:trial"`},
		{Name: "Cache-Status", Value: "tokyo-1; hit; ttl=30"},
		{Name: "Server", Value: "letteredge"},
	}}
}

// A node's answer, and what a bare server that imitates it answers, are alike:
// over h1 to the letter and in order, but for the library's own fields.
func TestSameAnswer(t *testing.T) {
	for _, want := range []Spec{spec(load.H1, false), spec(load.H1, true), spec(load.H2, true), spec(load.H3, true)} {
		t.Run(want.Proto.String(), func(t *testing.T) {
			s, err := Listen(want)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- s.Serve(ctx) }()
			cfg := load.Config{Proto: want.Proto, URLs: []string{s.URL() + "v1/x?y"}, CA: s.CA(), Requests: 100}
			answer, err := load.Fetch(t.Context(), cfg)
			require.NoError(t, err)
			got := SpecOf(want.Proto, want.TLS, answer)
			if want.Proto != load.H1 {
				for i, f := range want.Fields { // names have no case in HTTP/2 and HTTP/3
					want.Fields[i].Name = http.CanonicalHeaderKey(f.Name)
				}
			}
			require.ElementsMatch(t, want.Fields, got.Fields)
			require.Equal(t, want.Status, got.Status)
			require.Equal(t, want.Body, got.Body)
			res, err := load.Run(t.Context(), cfg)
			require.NoError(t, err)
			require.EqualValues(t, 100, res.Answered)
			cancel()
			require.NoError(t, <-served)
		})
	}
}

func TestNoBody(t *testing.T) {
	for _, proto := range []load.Proto{load.H1, load.H2, load.H3} {
		s, err := Listen(Spec{Proto: proto, Status: 304, Fields: []load.Field{{Name: "ETag", Value: `"x"`}}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx) }()
		a, err := load.Fetch(t.Context(), load.Config{Proto: proto, URLs: []string{s.URL()}, CA: s.CA()})
		require.NoError(t, err)
		require.Equal(t, 304, a.Status)
		for _, f := range a.Fields {
			require.NotEqual(t, "Content-Type", f.Name, "none was asked for")
		}
		cancel()
		require.NoError(t, <-served)
	}
}

// A server that is ended before it serves, and one that never does, let go of
// their socket.
func TestEndedBeforeServing(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, proto := range []load.Proto{load.H1, load.H2, load.H3} {
		t.Run(proto.String(), func(t *testing.T) {
			for range 50 { // whichever comes first, the end or the library's start
				s, err := Listen(spec(proto, true))
				require.NoError(t, err)
				require.NoError(t, s.Serve(ended))
			}
			s, err := Listen(spec(proto, true))
			require.NoError(t, err)
			require.NoError(t, s.Close())
			require.NoError(t, s.engine.serve(), "it ends at once")
		})
	}
}

func command() Command {
	return Command{Path: os.Args[0], Env: append(os.Environ(), childEnv+"=1", "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true")}
}

func TestProcess(t *testing.T) {
	for _, proto := range []load.Proto{load.H1, load.H2, load.H3} {
		p, err := Start(t.Context(), command(), spec(proto, proto != load.H1))
		require.NoError(t, err)
		require.NotEqual(t, os.Getpid(), p.PID)
		a, err := load.Fetch(t.Context(), load.Config{Proto: proto, URLs: []string{p.URL}, CA: []byte(p.CA)})
		require.NoError(t, err)
		require.Equal(t, `{"kind":"cta"}`, string(a.Body))
		require.NoError(t, p.Stop())
	}
}

func TestProcessThatFails(t *testing.T) {
	_, err := Start(t.Context(), Command{Path: "/nonexistent/edgebench"}, spec(load.H1, false))
	require.ErrorContains(t, err, "start bare server")
	_, err = Start(t.Context(), command(), Spec{Status: 1})
	require.ErrorContains(t, err, "status")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = Start(ctx, Command{Path: "/bin/sh", Args: []string{"-c", "cat >/dev/null"}}, spec(load.H1, false))
	require.ErrorContains(t, err, "no address")
}

// The child ends when its parent does: its standard input is at its end.
func TestChildEndsWithStdin(t *testing.T) {
	text, err := json.Marshal(spec(load.H1, false))
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, Child(t.Context(), bytes.NewReader(text), &out))
	var info Info
	require.NoError(t, json.Unmarshal(out.Bytes(), &info))
	require.True(t, strings.HasPrefix(info.URL, "http://127.0.0.1:"))
	require.Equal(t, os.Getpid(), info.PID)
}

func TestSpecErrors(t *testing.T) {
	for want, text := range map[string]string{
		"EOF":             ``,
		"unknown field":   `{"proto":"h1","nonsense":1}`,
		"h1, h2, h3":      `{"proto":"h4"}`,
		"status":          `{"proto":"h1","status":100}`,
		"not a field":     `{"proto":"h1","status":200,"fields":[{"name":"a b","value":""}]}`,
		"is not a field":  `{"proto":"h1","status":200,"fields":[{"name":"a","value":"b\r\nc"}]}`,
		"server's own":    `{"proto":"h1","status":200,"fields":[{"name":"date","value":"x"}]}`,
		"fields must be":  `{"proto":"h1","status":200,"fields":[` + strings.Repeat(`{},`, 256) + `{}]}`,
		"illegal base64 ": `{"proto":"h1","status":200,"body":"!"}`,
	} {
		require.ErrorContains(t, Child(t.Context(), strings.NewReader(text), io.Discard), want)
	}
}

func FuzzReadSpec(f *testing.F) {
	f.Add([]byte(`{"proto":"h3","tls":true,"status":200,"fields":[{"name":"ETag","value":"\"a\""}],"body":"YQ=="}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := readSpec(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readSpec(bytes.NewReader(again)); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
