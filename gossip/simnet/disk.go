package simnet

import (
	"maps"
	"slices"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/spread"
	"github.com/letteros/letteredge/invalidation"
)

// disk is what a node has of a process that was killed.
type disk struct {
	dots      map[gossip.Dot]bool
	envelopes []kept
	skipped   gossip.Vector
	purges    []invalidation.Record
	records   []gossip.Record // of the control log, up to complete
	complete  uint64
}

type kept struct {
	dot  gossip.Dot
	wire []byte
}

var (
	_ spread.Log           = (*disk)(nil)
	_ invalidation.Journal = journal{}
)

func newDisk() *disk { return &disk{dots: map[gossip.Dot]bool{}, skipped: gossip.Vector{}} }

// backup is a copy.
func (d *disk) backup() *disk {
	return &disk{maps.Clone(d.dots), slices.Clone(d.envelopes), d.skipped.Clone(), slices.Clone(d.purges), slices.Clone(d.records), d.complete}
}

// Append keeps an envelope.
func (d *disk) Append(dot gossip.Dot, wire []byte) error {
	if !d.dots[dot] {
		d.dots[dot] = true
		d.envelopes = append(d.envelopes, kept{dot, wire})
	}
	return nil
}

// Skip notes what is not to come.
func (d *disk) Skip(s gossip.Source, seq uint64) error {
	d.skipped[s] = max(d.skipped[s], seq)
	return nil
}

// Replay yields what is kept.
func (d *disk) Replay(skipped func(gossip.Vector), yield func(gossip.Dot, []byte) error) error {
	skipped(d.skipped.Clone())
	for _, k := range d.envelopes {
		if err := yield(k.dot, k.wire); err != nil {
			return err
		}
	}
	return nil
}

// journal is the disk as an invalidation.Engine sees it.
type journal struct{ *disk }

func (j journal) Append(r invalidation.Record) error {
	j.purges = append(j.purges, r)
	return nil
}

func (j journal) Replay(yield func(invalidation.Record) error) error {
	for _, r := range j.purges {
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}
