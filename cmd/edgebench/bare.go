package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/bare"
)

type bareCmd struct {
	URL string `arg:"" name:"URL" help:"The answer to imitate."`
	target
	CAOut string `name:"ca-out" type:"path" placeholder:"FILE" help:"Write the certificate to trust to a file."`
	output
}

// Run serves until the context ends.
func (c *bareCmd) Run(ctx context.Context, std streams) error {
	cfg := load.Config{URLs: []string{c.URL}}
	if err := c.target.fill(&cfg); err != nil {
		return err
	}
	answer, err := load.Fetch(ctx, cfg)
	if err != nil {
		return err
	}
	server, err := bare.Listen(bare.SpecOf(c.Proto, strings.HasPrefix(c.URL, "https:"), answer))
	if err != nil {
		return err
	}
	if err := c.announce(std, server); err != nil {
		_ = server.Close() // the error above is the one to tell
		return err
	}
	return server.Serve(ctx)
}

func (c *bareCmd) announce(std streams, server *bare.Server) error {
	if c.CAOut != "" {
		if err := os.WriteFile(c.CAOut, server.CA(), 0o644); err != nil {
			return fmt.Errorf("write certificate: %w", err)
		}
	}
	info := bare.Info{URL: server.URL(), PID: os.Getpid(), CA: string(server.CA())}
	if c.Output == "json" {
		return writeJSON(std.out, info)
	}
	_, err := fmt.Fprintf(std.out, "bare %s server: %s (pid %d); ^C ends it\n", c.Proto, info.URL, info.PID)
	return err
}

type bareChildCmd struct{}

// Run is a bare server's process.
func (bareChildCmd) Run(ctx context.Context, std streams) error {
	return bare.Child(ctx, std.in, std.out)
}
