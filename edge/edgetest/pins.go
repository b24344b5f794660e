package edgetest

import (
	"sync"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
)

var (
	_ edge.Pins     = (*Pins)(nil)
	_ edge.PurgeLog = (*PurgeLog)(nil)
)

// Pins are pins in memory. The zero value is empty and ready.
type Pins struct {
	mu   sync.Mutex // guards all
	all  map[[3]string][]byte
	full error
}

// Fail makes Save return err from now on; nil makes it work again.
func (p *Pins) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full = err
}

// Len returns how many there are.
func (p *Pins) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// Load returns the variants of a key at a vector.
func (p *Pins) Load(text, vector string) ([][]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found [][]byte
	for name, data := range p.all {
		if name[0] == text && name[1] == vector {
			found = append(found, data)
		}
	}
	return found, nil
}

// Save keeps data.
func (p *Pins) Save(text, vector, variant string, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full != nil {
		return p.full
	}
	if p.all == nil {
		p.all = map[[3]string][]byte{}
	}
	p.all[[3]string{text, vector, variant}] = data
	return nil
}

// Sweep deletes what drop names.
func (p *Pins) Sweep(drop func(text, vector string, data []byte) bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, data := range p.all {
		if drop(name[0], name[1], data) {
			delete(p.all, name)
		}
	}
	return nil
}

// PurgeLog is a log of purges in memory; a position is how many there were. The
// zero value is empty and ready.
type PurgeLog struct {
	mu   sync.Mutex // guards all
	sels []cachekey.Selector
	soft []bool
	lost int // how many the log has forgotten
}

// Add notes a purge.
func (l *PurgeLog) Add(sel cachekey.Selector, soft bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sels, l.soft = append(l.sels, sel), append(l.soft, soft)
}

// Forget trims the log.
func (l *PurgeLog) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = len(l.sels)
}

// Position returns the number of purges so far, in one byte.
func (l *PurgeLog) Position() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return []byte{byte(len(l.sels))}
}

// Since returns the purges after a position.
func (l *PurgeLog) Since(position []byte) (hard, soft []cachekey.Selector, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(position) != 1 || int(position[0]) < l.lost {
		return nil, nil, false
	}
	for i := int(position[0]); i < len(l.sels); i++ {
		if l.soft[i] {
			soft = append(soft, l.sels[i])
		} else {
			hard = append(hard, l.sels[i])
		}
	}
	return hard, soft, true
}
