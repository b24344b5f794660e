package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/letteros/letteredge/bench/compare"
	"github.com/letteros/letteredge/bench/load"
)

type compareCmd struct {
	What        []string      `arg:"" optional:"" name:"WHAT" enum:"hits,memory,ratio" default:"hits,memory,ratio" help:"hits, memory or ratio (default: all three)."`
	Edged       string        `type:"path" placeholder:"FILE" help:"The edged to compare (default: the one in PATH)."`
	Peer        []string      `placeholder:"NAME" help:"What to compare with; repeatable (default: nginx, varnish, haproxy, trafficserver, where they are installed)."`
	Proto       load.Proto    `default:"h1" placeholder:"h1|h2" help:"hits: protocol (default h1)."`
	Body        int           `default:"1024" help:"Bytes of each answer's body."`
	Connections int           `short:"c" default:"64" help:"hits: connections."`
	Streams     int           `short:"s" default:"1" help:"hits: requests at once on a connection."`
	Fresh       bool          `help:"hits: HTTP/1.1 over TLS, a connection and a full handshake for each request."`
	Open        bool          `help:"hits: open loop at 60 % of what the slower of a pair answers in the closed loop."`
	Rounds      int           `default:"15" help:"hits: rounds of pairs."`
	Duration    time.Duration `short:"d" default:"1s" help:"hits: length of each window."`
	Objects     int           `default:"100000" help:"memory, ratio: objects."`
	Seed        uint64        `default:"1" help:"Seed of all that is random."`
	Results     string        `type:"path" placeholder:"FILE" help:"Write the tables into a section of a Markdown file too."`
	Section     string        `default:"compare" placeholder:"NAME" help:"Name of that section; it replaces the one of an earlier call."`
	Plot        string        `type:"path" placeholder:"FILE" help:"hits: draw the latencies by percentile to an .svg or .html file."`
	output
}

// Run runs the comparisons one after another.
func (c *compareCmd) Run(ctx context.Context, std streams) error {
	if c.Plot != "" {
		if err := checkPlotFile("--plot", c.Plot); err != nil {
			return err
		}
	}
	peers, report, err := c.find(ctx)
	if err != nil {
		return err
	}
	show := newProgress(std, c.output)
	defer show.clear()
	for _, what := range c.What {
		switch what {
		case "hits":
			err = c.hits(ctx, peers, report, show)
		case "memory":
			report.Memory, err = compare.Footprint(ctx, c.corpus(peers, "memory", show))
		case "ratio":
			report.Ratio, err = compare.HitRatio(ctx, c.corpus(peers, "hit ratio", show))
		}
		if err != nil {
			return err
		}
	}
	show.clear()
	if c.Results != "" {
		if err := compare.Section(c.Results, c.Section, report); err != nil {
			return err
		}
	}
	return c.write(std.out, report)
}

func (c *compareCmd) find(ctx context.Context) ([]compare.Peer, *compare.Report, error) {
	names := append([]string{compare.Names()[0]}, c.Peer...)
	if len(c.Peer) == 0 {
		names = compare.Names()
	}
	peers, absent, err := compare.Find(ctx, names, c.Edged)
	if err != nil {
		return nil, nil, err
	}
	if len(peers) == 0 || peers[0].Name != names[0] {
		return nil, nil, &usageError{"--edged: must name the edged to compare: there is none in PATH"}
	}
	report := &compare.Report{
		Command: "edgebench " + strings.Join(os.Args[1:], " "),
		Machine: fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Absent:  absent,
	}
	return peers, report, nil
}

func (c *compareCmd) hits(ctx context.Context, peers []compare.Peer, report *compare.Report, show *progress) error {
	h, err := compare.Hits(ctx, compare.HitsConfig{
		Peers:    peers,
		Scenario: compare.Scenario{Proto: c.Proto, BodyBytes: c.Body, Connections: c.Connections, Streams: c.Streams, Fresh: c.Fresh, Open: c.Open},
		Rounds:   c.Rounds, Window: c.Duration, Seed: c.Seed,
		OnPair: func(p compare.Pair) { show.line(p.String()) },
	})
	if err != nil {
		return err
	}
	report.Hits = append(report.Hits, h)
	if c.Plot != "" {
		return writePlot(c.Plot, h.Chart())
	}
	return nil
}

func (c *compareCmd) corpus(peers []compare.Peer, what string, show *progress) compare.CorpusConfig {
	return compare.CorpusConfig{
		Peers: peers, Objects: c.Objects, BodyBytes: c.Body, Seed: c.Seed,
		OnPeer: func(name string) { show.line(what + ": " + name) },
	}
}
