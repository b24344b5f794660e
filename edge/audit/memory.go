package audit

import "sync"

// Memory is a Log that forgets with the process, for tests and for nodes without
// a state folder. The zero value keeps 10,000 entries.
type Memory struct {
	Keep int // how many entries are kept, 0 for 10,000

	mu      sync.Mutex // guards what follows
	entries []Entry    // the kept ones, oldest first
	last    uint64
}

var _ Log = (*Memory)(nil)

// Append never fails.
func (m *Memory) Append(e Entry) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keep := m.Keep
	if keep <= 0 {
		keep = 10_000
	}
	if len(m.entries) >= keep {
		m.entries = m.entries[len(m.entries)-keep+1:]
	}
	m.last++
	e.Seq = m.last
	m.entries = append(m.entries, e)
	return e.Seq, nil
}

// List never fails.
func (m *Memory) List(before uint64, limit int) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var page []Entry
	for i := len(m.entries) - 1; i >= 0 && len(page) < limit; i-- {
		if before == 0 || m.entries[i].Seq < before {
			page = append(page, m.entries[i])
		}
	}
	return page, nil
}
