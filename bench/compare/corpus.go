package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/letteros/letteredge/bench/load"
)

// urls are a corpus at a peer.
func (c CorpusConfig) urls(base string) []string {
	all := make([]string, c.Objects)
	for i := range all {
		all[i] = fmt.Sprintf("%s/corpus/%06d", base, i)
	}
	return all
}

const (
	fillers  = 8 // connections that fill a cache
	askLimit = 10 * time.Minute
)

// walk asks for each object once.
func (c CorpusConfig) walk(ctx context.Context, p *Process) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: fillers}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	g, ctx := errgroup.WithContext(ctx)
	urls := c.urls(p.URL)
	for i := range fillers {
		g.Go(func() error {
			for k := i; k < len(urls); k += fillers {
				if err := get(ctx, client, urls[k]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("fill %s: %w", p.Name, err)
	}
	return nil
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Host = host
	rsp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = rsp.Body.Close() }() // read to its end
	if _, err := io.Copy(io.Discard, rsp.Body); err != nil {
		return err
	}
	if rsp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is answered with status %d", url, rsp.StatusCode)
	}
	return nil
}

// ask sends requests for the corpus over HTTP/1.1, all of which must be answered.
func (c CorpusConfig) ask(ctx context.Context, p *Process, choice load.Choice, requests int64, seed uint64) error {
	res, err := load.Run(ctx, load.Config{
		URLs: c.urls(p.URL), Choice: choice, ZipfS: zipfExponent, Seed: seed, Connections: fillers, Requests: requests, Duration: askLimit,
		Header: []load.Field{{Name: "Host", Value: host}}, Expect: load.Statuses{{From: 200, To: 200}},
	})
	switch {
	case err != nil:
		return fmt.Errorf("load %s: %w", p.Name, err)
	case res.Interrupted:
		return fmt.Errorf("load %s: %w", p.Name, context.Cause(ctx))
	case res.Errors() > 0 || res.Requests < requests:
		return fmt.Errorf("load %s: %d of %d requests failed or had another status: %v %v", p.Name, requests-res.Requests+res.Errors(), requests, res.Statuses, res.Failures)
	}
	return nil
}

// each runs every peer by itself in front of an origin of its own.
func (c CorpusConfig) each(ctx context.Context, capacity int64, one func(*Process, *Origin) error) error {
	if err := c.validate(); err != nil {
		return err
	}
	for _, peer := range c.Peers {
		if c.OnPeer != nil {
			c.OnPeer(peer.Name)
		}
		if err := c.alone(ctx, peer, capacity, one); err != nil {
			return err
		}
	}
	return nil
}

func (c CorpusConfig) alone(ctx context.Context, peer Peer, capacity int64, one func(*Process, *Origin) error) (err error) {
	origin, err := NewOrigin(c.BodyBytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, origin.Close()) }()
	p, err := Start(ctx, peer, origin.Addr, capacity)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	return one(p, origin)
}
