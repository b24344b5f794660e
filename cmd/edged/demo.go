package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/letteros/letteredge/bench/docsorigin"
	"github.com/letteros/letteredge/cachekey"
)

type demoCmd struct {
	JSON    bool     `name:"json" help:"Print one JSON line on stdout when ready; logs go to stderr."`
	Docs    string   `placeholder:"DIR" help:"Serve this folder of documents instead of a copy of the built-in one."`
	Regions []string `default:"tokyo,frankfurt,virginia" help:"The regions."`
	Nodes   int      `default:"2" help:"Nodes in each region."`
	Origin  string   `placeholder:"URL" help:"Another origin instead of the built-in one."`
	Ports   string   `placeholder:"FIRST-LAST" help:"Take the nodes' ports from here (default: 20000-31999)."`
	State   string   `placeholder:"DIR" help:"Keep state here, and go on where the last start ended (default: a temporary folder)."`
}

// maxNodes bounds a demo: each node is a process.
const maxNodes = 32

// Run starts the origin and the nodes, says where they are, and waits for ctx.
func (d *demoCmd) Run(ctx context.Context, std streams) (err error) {
	if n := d.Nodes * len(d.Regions); d.Nodes < 1 || n < 1 || n > maxNodes {
		return usageError{fmt.Errorf("demo: --regions times --nodes must be 1 to %d", maxNodes)}
	}
	from, err := parsePorts(cmp.Or(d.Ports, defaultPorts))
	if err != nil {
		return usageError{fmt.Errorf("demo: --ports: %w", err)}
	}
	for i, r := range d.Regions {
		if !cachekey.ValidID(r) || slices.Contains(d.Regions[:i], r) {
			return usageError{fmt.Errorf("demo: --regions: %q: must match [a-z][a-z0-9_-]{0,63} and stand once", r)}
		}
	}
	if d.Docs != "" {
		if info, err := os.Stat(d.Docs); err != nil || !info.IsDir() {
			return usageError{fmt.Errorf("demo: --docs: %s is no folder", d.Docs)}
		}
	}
	if d.Docs != "" && d.Origin != "" {
		return usageError{errors.New("demo: --docs and --origin exclude each other")}
	}
	log := slog.New(slog.NewTextHandler(std.err, nil))
	dir := d.State
	if dir == "" {
		if dir, err = os.MkdirTemp("", "letteredge-demo-"); err != nil {
			return fmt.Errorf("demo: make a state folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // temporary: what is left is the system's to clean
	} else if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("demo: state folder: %w", err)
	}
	c := &cluster{dir: dir, regions: d.Regions, perRegion: d.Nodes, from: from, log: log, logs: std.err}
	c.origin = d.Origin
	if d.Origin == "" {
		docs, stop, err := startOrigin(c, d.Docs, log)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		defer stop()
		c.docs = docs
	}
	if err := c.start(ctx); err != nil {
		return errors.Join(fmt.Errorf("demo: %w", err), c.stop())
	}
	if err := c.announce(std.out, d.JSON); err != nil {
		return errors.Join(err, c.stop())
	}
	<-ctx.Done()
	return c.stop()
}

// startOrigin serves the documents on a free port of loopback.
func startOrigin(c *cluster, docs string, log *slog.Logger) (dir string, stop func(), err error) {
	if docs == "" {
		docs = filepath.Join(c.dir, "docs")
		if err := docsorigin.Materialize(docs); err != nil {
			return "", nil, err
		}
	} else if docs, err = filepath.Abs(docs); err != nil {
		return "", nil, err
	}
	o, err := docsorigin.New(docsorigin.Options{Dir: docs, History: filepath.Join(c.dir, "origin-history"), Log: log.With("node", "origin")})
	if err != nil {
		return "", nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	c.origin = "http://" + ln.Addr().String()
	server := &http.Server{Handler: o, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("origin ended", "err", err)
		}
	}()
	return docs, func() {
		_ = server.Close() // the demo ends: whoever still asks may be cut off
		<-done
	}, nil
}
