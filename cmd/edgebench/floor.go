package main

import (
	"context"
	"fmt"
	"os"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/bare"
	"github.com/letteros/letteredge/bench/load/floor"
)

type floorCmd struct {
	URL string `arg:"" name:"URL" help:"An answer of the node; it should be a hit."`
	target
	pressure
	PID    []int `name:"pid" required:"" placeholder:"PID" help:"The node's process; repeatable."`
	Rounds int   `default:"10" help:"Rounds of node and bare server."`
	output
}

// Run compares a node with a bare server.
func (c *floorCmd) Run(ctx context.Context, std streams) error {
	cfg := floor.Config{Load: load.Config{URLs: []string{c.URL}, PIDs: c.PID}, Rounds: c.Rounds, Start: startBare}
	if c.Rounds == 0 {
		return &load.FieldError{Field: "rounds", Reason: "must be from 1 to 1000, not 0"}
	}
	if err := c.target.fill(&cfg.Load); err != nil {
		return err
	}
	c.pressure.fill(&cfg.Load)
	show := newProgress(std, c.output)
	cfg.OnRound = func(r floor.Round) { show.line(r.String()) }
	report, err := floor.Run(ctx, cfg)
	show.clear()
	if err != nil {
		return err
	}
	return c.write(std.out, report)
}

// startBare runs this program again as a bare server.
func startBare(ctx context.Context, spec bare.Spec) (*bare.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start bare server: %w", err)
	}
	return bare.Start(ctx, bare.Command{Path: self, Args: []string{"bare-child"}}, spec)
}
