package floor

import (
	"context"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/bare"
)

const childEnv = "LETTEREDGE_TEST_BARE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if bare.Child(context.Background(), os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func start(ctx context.Context, spec bare.Spec) (*bare.Process, error) {
	return bare.Start(ctx, bare.Command{Path: os.Args[0], Env: append(os.Environ(), childEnv+"=1", "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true")}, spec)
}

// A bare server compared with a bare server: the ratio is about one.
func TestRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time of other processes is read from /proc, which only Linux has")
	}
	for _, proto := range []load.Proto{load.H1, load.H2, load.H3} {
		t.Run(proto.String(), func(t *testing.T) {
			node, err := start(t.Context(), bare.Spec{Proto: proto, Status: 200, Body: []byte("body"), Fields: []load.Field{{Name: "ETag", Value: `"a"`}}})
			require.NoError(t, err)
			defer func() { require.NoError(t, node.Stop()) }()
			var rounds []Round
			report, err := Run(t.Context(), Config{
				Load:    load.Config{Proto: proto, URLs: []string{node.URL + "v1/x"}, CA: []byte(node.CA), PIDs: []int{node.PID}, Warmup: time.Millisecond, Requests: 5000},
				Rounds:  2,
				Start:   start,
				OnRound: func(r Round) { rounds = append(rounds, r) },
			})
			require.NoError(t, err)
			require.Equal(t, rounds, report.Rounds)
			require.Len(t, rounds, 2)
			require.Equal(t, 4, report.BodyBytes)
			require.Contains(t, report.Fields, load.Field{Name: map[bool]string{true: "ETag", false: "Etag"}[proto == load.H1], Value: `"a"`})
			require.InDelta(t, 1, report.Ratio, 0.9, "generous: a few ticks of /proc on a shared machine")
			require.LessOrEqual(t, report.Low, report.Ratio)
			require.GreaterOrEqual(t, report.High, report.Ratio)
			var text strings.Builder
			require.NoError(t, report.WriteText(&text))
			require.Contains(t, text.String(), "95 % interval")
			require.Contains(t, rounds[0].String(), "ratio")
		})
	}
}

func TestInterrupted(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time of other processes is read from /proc, which only Linux has")
	}
	node, err := start(t.Context(), bare.Spec{Status: 200})
	require.NoError(t, err)
	defer func() { require.NoError(t, node.Stop()) }()
	ctx, cancel := context.WithCancel(t.Context())
	report, err := Run(ctx, Config{
		Load:    load.Config{URLs: []string{node.URL}, PIDs: []int{node.PID}, Requests: 5000},
		Rounds:  100,
		Start:   start,
		OnRound: func(Round) { cancel() },
	})
	require.NoError(t, err)
	require.True(t, report.Interrupted)
	require.Len(t, report.Rounds, 1)
	require.Positive(t, report.Ratio)
}

func TestErrors(t *testing.T) {
	ok := load.Config{URLs: []string{"http://127.0.0.1:1/"}, PIDs: []int{os.Getpid()}}
	for field, spoil := range map[string]func(*Config){
		"rounds":       func(c *Config) { c.Rounds = 1001 },
		"url":          func(c *Config) { c.Load.URLs = []string{"http://a/", "http://b/"} },
		"pid":          func(c *Config) { c.Load.PIDs = nil },
		"allow-remote": func(c *Config) { c.Load.AllowRemote = true },
		"rate":         func(c *Config) { c.Load.Rate = -1 },
	} {
		cfg := Config{Load: ok, Start: start}
		spoil(&cfg)
		_, err := Run(t.Context(), cfg)
		var wrong *load.FieldError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, field, wrong.Field)
	}
	_, err := Run(t.Context(), Config{Load: ok, Start: start})
	require.ErrorIs(t, err, load.ErrUnreachable)
}
