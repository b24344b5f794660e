package invalidation

// Reclaim drops the floors below min, and the names of tags that no copy carries
// any more. min is the least Stamp.Checked (or Born) of any slot and the least
// epoch of any flight; with neither it is Epoch. Where the caller forgets one,
// nothing purged is served: the stamp reads Hard, the flight's Stamp is refused.
// It takes time in the number of floors and tags: call it now and then, as every
// minute, not on the request path.
func (m *Marks) Reclaim(min Epoch) {
	m.mu.Lock()
	defer m.mu.Unlock()

	// First what will be dropped is announced, then it is dropped, so that a
	// reader who no longer finds a floor finds the announcement (Marks.Stamp).
	highest := Epoch(m.reclaimed.Load())
	survey := func(f *floor) bool {
		if top := f.top(); top < min {
			highest = max(highest, top)
		}
		return true
	}
	m.keep(survey)
	m.reclaimed.Store(uint64(highest))
	alive := func(f *floor) bool { return f.top() >= min }
	m.keep(alive)
	m.tags.sweep()
}

// keep drops the floors, named and of tags, that alive refuses.
func (m *Marks) keep(alive func(*floor) bool) {
	m.hosts.keep(alive)
	m.keys.keep(alive)
	m.prefixes.keep(alive)
	for f := range m.held {
		if !alive(&f.floor) {
			delete(m.held, f)
		}
	}
}
