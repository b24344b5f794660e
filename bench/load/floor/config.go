package floor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/bare"
)

// MaxRounds of a comparison.
const MaxRounds = 1000

// Config says what to compare. Load names one URL of the node and its PIDs;
// its Duration (2 s) and Warmup (250 ms) are those of each half of a round.
type Config struct {
	Load    load.Config
	Rounds  int // 0 means 10
	Start   func(context.Context, bare.Spec) (*bare.Process, error)
	OnRound func(Round) // called after each; may be nil
}

// withDefaults returns the checked Config.
func (c Config) withDefaults() (Config, error) {
	if c.Rounds == 0 {
		c.Rounds = 10
	}
	if c.Load.Duration == 0 && c.Load.Requests == 0 {
		c.Load.Duration = 2 * time.Second
	}
	if c.Load.Warmup == 0 {
		c.Load.Warmup = 250 * time.Millisecond
	}
	switch {
	case c.Rounds < 1 || c.Rounds > MaxRounds:
		return c, &load.FieldError{Field: "rounds", Reason: "must be from 1 to 1000"}
	case len(c.Load.URLs) != 1:
		return c, &load.FieldError{Field: "url", Reason: "must be given once: a bare server has one answer"}
	case len(c.Load.PIDs) == 0:
		return c, &load.FieldError{Field: "pid", Reason: "must name the node's process"}
	case c.Load.AllowRemote:
		return c, &load.FieldError{Field: "allow-remote", Reason: "must be absent: processor time is read on this machine"}
	}
	c.Load.PIDs = slices.Clone(c.Load.PIDs)
	return c, c.Load.Validate()
}

// bareLoad is the load of the other half: the same, at the bare server.
func (c Config) bareLoad(p *bare.Process) load.Config {
	b := c.Load
	b.URLs, b.PIDs, b.CA, b.Insecure = []string{p.URL}, []int{p.PID}, []byte(p.CA), false
	// The bare server is asked with the same request: path and Host of the node's.
	_, rest, _ := strings.Cut(c.Load.URLs[0], "://")
	host, path, found := strings.Cut(rest, "/")
	if found {
		b.URLs[0] += path
	}
	b.Header = slices.Clone(b.Header)
	if !slices.ContainsFunc(b.Header, func(f load.Field) bool { return strings.EqualFold(f.Name, "Host") }) {
		b.Header = append(b.Header, load.Field{Name: "Host", Value: host})
	}
	return b
}
