package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/letteros/letteredge/bench/load"
)

// target are the flags that say what to ask and whom to trust.
type target struct {
	Proto       load.Proto    `default:"h1" placeholder:"h1|h2|h3" help:"Protocol: h1, h2 or h3 (default h1)."`
	Method      string        `short:"X" default:"GET" help:"GET or HEAD."`
	Header      []string      `short:"H" sep:"none" placeholder:"'NAME: VALUE'" help:"A field to send with each request; repeatable."`
	CA          string        `name:"ca" type:"path" placeholder:"FILE" help:"PEM certificates to trust beside the system's."`
	Insecure    bool          `help:"Do not verify certificates."`
	AllowRemote bool          `help:"Ask addresses that are not loopback too."`
	Timeout     time.Duration `default:"5s" help:"Limit of one request, and of what is in flight at the end."`
}

// pressure are the flags that say how hard and how long.
type pressure struct {
	Rate        float64       `help:"Open loop: arrivals per second. 0 is the closed loop."`
	Spacing     load.Spacing  `default:"constant" placeholder:"constant|poisson" help:"Spacing of the open loop's arrivals: constant or poisson (default constant)."`
	Connections int           `short:"c" help:"Connections (default: 16 over h1, 4 over h2 and h3)."`
	Streams     int           `short:"s" help:"Requests at once on a connection (default: 1 over h1, 16 over h2 and h3)."`
	Duration    time.Duration `short:"d" help:"Length of the measured window (default: load 10s, or with --requests at most 5m; floor 2s)."`
	Requests    int64         `short:"n" help:"End after so many measured requests (floor: in each half of a round)."`
	Warmup      time.Duration `short:"w" help:"Time to ask before measuring (default: load none, floor 250ms)."`
	Seed        uint64        `default:"1" help:"Seed of all that is random."`
}

// output is the form of the result.
type output struct {
	Output string `short:"o" enum:"text,json" default:"text" help:"Form of the result: text or json."`
	Quiet  bool   `short:"q" help:"No progress."`
}

// fill copies the flags into a Config.
func (t target) fill(c *load.Config) error {
	c.Proto, c.Method = t.Proto, t.Method
	c.Insecure, c.AllowRemote = t.Insecure, t.AllowRemote
	for _, line := range t.Header {
		f, err := load.ParseField(line)
		if err != nil {
			return err
		}
		c.Header = append(c.Header, f)
	}
	var err error
	if c.Timeout, err = given("timeout", t.Timeout); err != nil || t.CA == "" {
		return err
	}
	c.CA, err = readLimited(t.CA, 4<<20)
	if err != nil {
		return &usageError{"--ca: " + err.Error()}
	}
	return nil
}

func (p pressure) fill(c *load.Config) {
	c.Rate, c.Spacing, c.Seed = p.Rate, p.Spacing, p.Seed
	c.Connections, c.Streams = p.Connections, p.Streams
	c.Duration, c.Requests, c.Warmup = p.Duration, p.Requests, p.Warmup
}

// given refuses the zero that a Config takes for "default".
func given(flag string, d time.Duration) (time.Duration, error) {
	if d == 0 {
		return 0, &load.FieldError{Field: flag, Reason: "must be more than 0"}
	}
	return d, nil
}

// readLimited reads a file of at most so many bytes.
func readLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return data, nil
}
