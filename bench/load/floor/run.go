package floor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/bare"
)

// Run compares a node with a bare server. If the context ends after at least
// one round, the Report of the rounds so far is returned, marked Interrupted.
// It returns a *load.FieldError for a wrong setting, and load.ErrUnreachable
// (wrapped) where the node takes no connection.
func Run(ctx context.Context, cfg Config) (report *Report, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	answer, err := settled(ctx, cfg.Load)
	if err != nil {
		return nil, fmt.Errorf("fetch the node's answer: %w", err)
	}
	spec := bare.SpecOf(cfg.Load.Proto, strings.HasPrefix(cfg.Load.URLs[0], "https:"), answer)
	// Every answer must be like the one that the bare server gives.
	cfg.Load.Expect = load.Statuses{{From: answer.Status, To: answer.Status}}
	process, err := cfg.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer func() {
		if serr := process.Stop(); serr != nil && err == nil {
			report, err = nil, serr
		}
	}()
	return compare(ctx, cfg, spec, cfg.bareLoad(process))
}

// settled fetches the answer that the node is loaded with: not the first, which
// may be a miss and have lines that a hit has not.
func settled(ctx context.Context, cfg load.Config) (*load.Answer, error) {
	if _, err := load.Fetch(ctx, cfg); err != nil {
		return nil, err
	}
	return load.Fetch(ctx, cfg)
}

func compare(ctx context.Context, cfg Config, spec bare.Spec, bareLoad load.Config) (*Report, error) {
	report := newReport(cfg, spec)
	for n := range cfg.Rounds {
		node, err := half(ctx, "node", cfg.Load)
		if err != nil {
			return report.orError(ctx, err)
		}
		other, err := half(ctx, "bare server", bareLoad)
		if err != nil {
			return report.orError(ctx, err)
		}
		r := Round{N: n + 1, Node: node, Bare: other, Ratio: node.CPUPerRequestUS / other.CPUPerRequestUS}
		report.Rounds = append(report.Rounds, r)
		if cfg.OnRound != nil {
			cfg.OnRound(r)
		}
	}
	report.sum(cfg.Load.Seed)
	return report, nil
}

// half loads one of the two.
func half(ctx context.Context, who string, cfg load.Config) (Half, error) {
	res, err := load.Run(ctx, cfg)
	if err != nil {
		return Half{}, fmt.Errorf("load the %s: %w", who, err)
	}
	if res.Interrupted {
		return Half{}, fmt.Errorf("load the %s: %w", who, context.Cause(ctx))
	}
	if res.Errors() > 0 {
		return Half{}, fmt.Errorf("load the %s: %d of %d requests failed or had another status: %v %v",
			who, res.Errors(), res.Requests, res.Statuses, res.Failures)
	}
	cpu, err := res.CPUPerRequest()
	if err != nil {
		return Half{}, fmt.Errorf("load the %s: %w", who, err)
	}
	if cpu == 0 {
		return Half{}, fmt.Errorf("load the %s: %w", who, errTooShort)
	}
	return Half{
		Requests:        res.InWindow,
		PerSecond:       res.PerSecond,
		CPUPerRequestUS: float64(cpu.Nanoseconds()) / 1e3,
		P50US:           res.Latency.P50US,
		P99US:           res.Latency.P99US,
	}, nil
}

// errTooShort: /proc counts processor time in ticks of 10 ms.
var errTooShort = errors.New("it used less processor time than /proc can tell: make --duration longer")
