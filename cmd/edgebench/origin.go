package main

import (
	"context"
	"fmt"
	"os"

	"github.com/letteros/letteredge/bench/compare"
	"github.com/letteros/letteredge/bench/load/bare"
)

type originCmd struct {
	Size int    `short:"s" default:"1024" help:"Bytes of each answer (default 1024)."`
	Type string `default:"application/octet-stream" help:"Their Content-Type."`
	output
}

// Run serves until the context ends.
func (c *originCmd) Run(ctx context.Context, std streams) error {
	if c.Size < 0 || c.Size > compare.MaxOriginBody {
		return &usageError{fmt.Sprintf("--size must be from 0 to %d", compare.MaxOriginBody)}
	}
	origin, err := compare.NewOrigin(c.Size)
	if err != nil {
		return err
	}
	origin.Type = c.Type
	info := bare.Info{URL: "http://" + origin.Addr + "/", PID: os.Getpid()}
	if c.Output == "json" {
		err = writeJSON(std.out, info)
	} else {
		_, err = fmt.Fprintf(std.out, "origin: %s (pid %d); ^C ends it\n", info.URL, info.PID)
	}
	if err == nil {
		<-ctx.Done()
	}
	if cerr := origin.Close(); err == nil {
		err = cerr
	}
	return err
}
