package compare

import (
	"context"
	"fmt"

	"github.com/letteros/letteredge/bench/load"
)

const (
	zipfExponent    = 1.01
	capacityShare   = 0.10 // of the corpus' bodies
	requestsPerBody = 2    // to warm up, and again to measure
)

// Share is the hit ratio of one peer.
type Share struct {
	Peer   string  `json:"peer"`
	Zipf   float64 `json:"zipf"`
	Scan   float64 `json:"scan"`       // zipf, while every fourth request walks through all objects
	Memory float64 `json:"memory_mib"` // PSS of its processes afterwards
}

// RatioReport is the outcome of HitRatio.
type RatioReport struct {
	Objects   int     `json:"objects"`
	BodyBytes int     `json:"body_bytes"`
	Capacity  int64   `json:"capacity_bytes"` // that each was configured with
	Requests  int     `json:"requests"`       // measured, of each trace
	Peers     []Share `json:"peers"`
}

// HitRatio sends each peer the same requests with the same number of bytes to
// keep answers in: a tenth of what all bodies have. What a peer counts against
// that number is its own affair (Varnish: bodies and headers; HAProxy: shared
// blocks; nginx: files; edged: bodies, texts, index), so the memory that its
// processes hold in the end stands beside it.
func HitRatio(ctx context.Context, cfg CorpusConfig) (*RatioReport, error) {
	requests := int64(requestsPerBody * cfg.Objects)
	report := &RatioReport{
		Objects: cfg.Objects, BodyBytes: cfg.BodyBytes, Requests: int(requests),
		Capacity: int64(capacityShare * float64(cfg.Objects) * float64(cfg.BodyBytes)),
	}
	if report.Capacity < MinCapacity {
		return nil, &load.FieldError{Field: "objects", Reason: fmt.Sprintf("must be so many that a tenth of their bodies is %d bytes: no peer can be given less", MinCapacity)}
	}
	err := cfg.each(ctx, report.Capacity, func(p *Process, o *Origin) error {
		share := Share{Peer: p.Name}
		for _, trace := range []struct {
			choice load.Choice
			ratio  *float64
		}{{load.Zipf, &share.Zipf}, {load.Scan, &share.Scan}} {
			if err := cfg.ask(ctx, p, trace.choice, requests, cfg.Seed); err != nil {
				return err
			}
			asked := o.Asked()
			if err := cfg.ask(ctx, p, trace.choice, requests, cfg.Seed+1); err != nil {
				return err
			}
			*trace.ratio = 1 - float64(o.Asked()-asked)/float64(requests)
		}
		memory, err := p.pss()
		if err != nil {
			return err
		}
		share.Memory = float64(memory) / mib
		report.Peers = append(report.Peers, share)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("hit ratio: %w", err)
	}
	return report, nil
}
