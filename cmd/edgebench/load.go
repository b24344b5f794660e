package main

import (
	"context"
	"fmt"
	"math"
	"os"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/plot"
)

type loadCmd struct {
	URL    []string    `arg:"" optional:"" name:"URL" help:"What to ask."`
	URLs   string      `name:"urls" type:"path" placeholder:"FILE" help:"A file of further URLs, one a line."`
	Choice load.Choice `default:"uniform" placeholder:"uniform|zipf|sequence" help:"How the next URL is chosen: uniform, zipf or sequence (default uniform)."`
	ZipfS  float64     `name:"zipf-s" default:"1" help:"Exponent of zipf: the i-th URL has weight 1/i^s."`
	target
	pressure
	Expect       load.Statuses `name:"expect-status" placeholder:"CODES" help:"Statuses that are right, such as 200,304 or 2xx (default 2xx,3xx)."`
	MaxErrorRate float64       `help:"Share of requests that may fail or have another status before the exit code is 1."`
	PID          []int         `name:"pid" placeholder:"PID" help:"A server process on this machine whose processor time is read; repeatable."`
	output
	Plot string `type:"path" placeholder:"FILE" help:"Draw the latencies by percentile to an .svg or .html file."`
	Name string `help:"Name of the series in the plot."`
}

// Run carries a load out.
func (c *loadCmd) Run(ctx context.Context, std streams) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	show := newProgress(std, c.output)
	if show != nil {
		cfg.Progress = func(s load.Snapshot) { show.line(s.String()) }
	}
	res, err := load.Run(ctx, cfg)
	show.clear()
	if err != nil {
		return err
	}
	if err := c.write(std.out, res); err != nil {
		return err
	}
	if c.Plot != "" {
		name := c.Name
		if name == "" {
			name = seriesName(res)
		}
		if err := writePlot(c.Plot, plot.Chart{Title: "Latency by percentile: " + res.URL, Series: []plot.Series{series(name, res.Latency)}}); err != nil {
			return err
		}
	}
	if res.Interrupted && res.Requests == 0 {
		return fmt.Errorf("load: interrupted before there was anything to report")
	}
	if rate := res.ErrorRate(); rate > c.MaxErrorRate {
		return fmt.Errorf("load: %d of %d requests failed or had an unexpected status: %.3g is above --max-error-rate %g", res.Errors(), res.Requests, rate, c.MaxErrorRate)
	}
	return nil
}

func (c *loadCmd) config() (load.Config, error) {
	cfg := load.Config{URLs: c.URL, Choice: c.Choice, ZipfS: c.ZipfS, Expect: c.Expect, PIDs: c.PID}
	if err := c.target.fill(&cfg); err != nil {
		return cfg, err
	}
	c.pressure.fill(&cfg)
	if math.IsNaN(c.MaxErrorRate) || c.MaxErrorRate < 0 || c.MaxErrorRate > 1 {
		return cfg, &load.FieldError{Field: "max-error-rate", Reason: fmt.Sprintf("must be from 0 to 1, not %v", c.MaxErrorRate)}
	}
	if c.Plot != "" {
		if err := checkPlotFile("--plot", c.Plot); err != nil {
			return cfg, err
		}
	}
	if c.URLs != "" {
		f, err := os.Open(c.URLs)
		if err != nil {
			return cfg, &usageError{"--urls: " + err.Error()}
		}
		defer func() { _ = f.Close() }() // only read
		urls, err := load.ReadURLs(f)
		if err != nil {
			return cfg, &usageError{"--urls: " + err.Error()}
		}
		cfg.URLs = append(cfg.URLs, urls...)
	}
	return cfg, cfg.Validate()
}
