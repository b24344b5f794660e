package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/letteros/letteredge/edge/config"
)

type runCmd struct {
	Config    string `placeholder:"FILE" help:"The node's configuration file; see edged defaults."`
	Origin    string `placeholder:"URL" help:"Without a file: the origin to stand in front of."`
	Listen    string `default:"127.0.0.1:8080" help:"HTTP/1.1 listener; a port of 0 picks one."`
	ListenTLS string `name:"listen-tls" placeholder:"ADDR" help:"TLS listener: HTTP/1.1, HTTP/2 and HTTP/3, certificates of the node's own CA."`
	Admin     string `default:"127.0.0.1:8081" help:"Admin API listener; a port of 0 picks one."`
	Profile   string `enum:"default,conformance" default:"default" help:"default, or conformance: RFC 9111 to the letter."`
	State     string `placeholder:"DIR" help:"Folder for what must survive a restart (default: a temporary one)."`
	JSON      bool   `name:"json" help:"Print one JSON line on stdout when ready."`

	WithParent bool `hidden:"" help:"End when stdin does."`
}

// ready is the line of --json, and an element of the demo's nodes.
type ready struct {
	ID     string `json:"id"`
	Region string `json:"region"`
	HTTP   string `json:"http,omitempty"`
	HTTPS  string `json:"https,omitempty"`
	H3     string `json:"h3,omitempty"`
	Admin  string `json:"admin,omitempty"`
	PID    int    `json:"pid"`
	Config string `json:"config,omitempty"`
	Token  string `json:"token,omitempty"`
	CA     string `json:"ca,omitempty"`
}

// Run runs a node until ctx ends.
func (r *runCmd) Run(ctx context.Context, std streams) error {
	cfg, cleanup, err := r.config()
	if err != nil {
		return err
	}
	defer cleanup()
	defer holdHeap()()
	log := logger(cfg.Log, std.err).With("node", cfg.Node.ID)
	n, err := newNode(cfg, log)
	if err != nil {
		return fmt.Errorf("start node %s: %w", cfg.Node.ID, err)
	}
	if err := n.listen(); err != nil {
		return errors.Join(fmt.Errorf("start node %s: %w", cfg.Node.ID, err), n.close())
	}
	if r.WithParent {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go func() { // ends with the process: a read of stdin cannot be interrupted
			_, _ = io.Copy(io.Discard, std.in)
			cancel()
		}()
	}
	return n.run(ctx, func() error {
		line := n.ready()
		line.Config = r.Config
		return announce(std.out, line, r.JSON)
	})
}

// config makes the node's configuration, and what removes its temporary state.
func (r *runCmd) config() (config.Config, func(), error) {
	none := func() {}
	if (r.Config == "") == (r.Origin == "") {
		return config.Config{}, none, usageError{errors.New("run: exactly one of --config and --origin is required")}
	}
	if r.Config != "" {
		cfg, err := config.Load(r.Config)
		if err != nil {
			return cfg, none, usageError{err}
		}
		if r.State != "" {
			cfg.State.Dir = r.State
		}
		return cfg, none, nil
	}
	cfg := config.ForOrigin(r.Origin, r.Listen, r.ListenTLS, r.Admin, config.Profile(r.Profile))
	cfg.State.Dir = r.State
	cleanup := none
	if r.State == "" {
		dir, err := os.MkdirTemp("", "letteredge-")
		if err != nil {
			return cfg, none, fmt.Errorf("run: make a state folder: %w", err)
		}
		cfg.State.Dir = dir
		cleanup = func() { _ = os.RemoveAll(dir) } // temporary: what is left is the system's to clean
	}
	if err := cfg.Validate(); err != nil {
		cleanup()
		return cfg, none, usageError{err}
	}
	return cfg, cleanup, nil
}

// announce tells that the node serves: a JSON line for programs, a few lines for
// people.
func announce(out io.Writer, r ready, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	for _, l := range [][2]string{
		{"http", r.HTTP}, {"https", r.HTTPS}, {"h3", r.H3}, {"admin", r.Admin}, {"ca", r.CA},
	} {
		if l[1] != "" {
			if _, err := fmt.Fprintf(out, "%-6s %s\n", l[0], l[1]); err != nil {
				return err
			}
		}
	}
	if r.Token != "" {
		_, err := fmt.Fprintf(out, "\nexport EDGECTL_ADMIN=%s EDGECTL_TOKEN=%s\n", r.Admin, r.Token)
		return err
	}
	return nil
}

func logger(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the file's level has been validated; this one is none
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
