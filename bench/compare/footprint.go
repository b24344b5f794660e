package compare

import (
	"context"
	"fmt"
)

// Memory is what a stored object costs one peer, in bytes.
type Memory struct {
	Peer      string  `json:"peer"`
	Before    float64 `json:"memory_before_mib"` // PSS after a walk through a hundredth of the objects
	PerObject float64 `json:"memory_per_object"` // growth of PSS / objects, body included
	OnDisk    float64 `json:"disk_per_object"`   // growth of its files / objects
	Kept      float64 `json:"kept"`              // share of the objects that a second walk found stored
}

// FootprintReport is the outcome of Footprint.
type FootprintReport struct {
	Objects   int      `json:"objects"`
	BodyBytes int      `json:"body_bytes"`
	Peers     []Memory `json:"peers"`
}

// footprintRoom is room for all objects with any peer's bookkeeping. HAProxy
// takes no more than 4095 MiB, and touches all of it when it starts.
func (c CorpusConfig) footprintRoom() int64 {
	return min(max(2*int64(c.Objects)*int64(c.BodyBytes+3<<10), 64*mib), 4000*mib)
}

// Footprint fills each peer with the same objects and reads the growth of its
// processes. A walk before the first reading warms what is not per object:
// connections, buffers, threads.
func Footprint(ctx context.Context, cfg CorpusConfig) (*FootprintReport, error) {
	report := &FootprintReport{Objects: cfg.Objects, BodyBytes: cfg.BodyBytes}
	err := cfg.each(ctx, cfg.footprintRoom(), func(p *Process, o *Origin) error {
		warm := cfg
		warm.Objects = cfg.Objects / 100
		if err := warm.walk(ctx, p); err != nil {
			return err
		}
		memory, files, err := p.holds()
		if err != nil {
			return err
		}
		if err := cfg.walk(ctx, p); err != nil {
			return err
		}
		fullMemory, fullFiles, err := p.holds()
		if err != nil {
			return err
		}
		asked := o.Asked()
		if err := cfg.walk(ctx, p); err != nil {
			return err
		}
		added := float64(cfg.Objects - warm.Objects)
		report.Peers = append(report.Peers, Memory{
			Peer: p.Name, Before: float64(memory) / mib, PerObject: float64(fullMemory-memory) / added, OnDisk: float64(fullFiles-files) / added,
			Kept: 1 - float64(o.Asked()-asked)/float64(cfg.Objects),
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("footprint: %w", err)
	}
	return report, nil
}

func (p *Process) holds() (memory, files int64, err error) {
	if memory, err = p.pss(); err != nil {
		return 0, 0, err
	}
	files, err = p.disk()
	return memory, files, err
}
