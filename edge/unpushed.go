package edge

// unpushed makes a slot of an answer that is not at its target because its origin
// knows only what it shows now, and has been edited: it was asked for the target by
// Docs-Pin, and gave a version that nobody has pushed. Where no rollout is open to
// judge by, readers get that, marked, rather than nothing (SEMANTICS §3). nil for
// any other answer: a version that was pushed and undone, one of the past, a
// candidate on its way.
func (c *Core) unpushed(fl *flight, d *detached, ans *Answer, slot func() *Slot) *Slot {
	if d.vector == "" || d.refresh || c.builds(fl.key) {
		return nil
	}
	if now, _ := c.Targets.Snapshot().Target(fl.key); now != d.vector {
		return nil // a candidate is looked at, or the target has changed
	}
	want, err := ParseVersions(d.vector)
	if err != nil {
		return nil
	}
	got, err := ParseVersions(fieldLines(ans.Fields).Combined("Docs-Version"))
	if err != nil {
		return nil
	}
	for id := range want {
		if _, ok := got[id]; !ok {
			return nil
		}
	}
	for id, v := range got {
		if target, managed := d.targets.Version(id); managed && v != target && !d.targets.Unpushed(id, v) {
			return nil
		}
	}
	return slot()
}

// showUnpushed shows it, if nothing better is here. It is not kept, and nobody may
// keep it: the target may be had again at any moment. A node that may have missed the
// beginning of a rollout does not.
func (c *Core) showUnpushed(x *Exchange, f found, o outcome, leader bool) bool {
	if o.unpushed == nil || x.isolated || x.previewed || x.probe || !c.selects(x, o.unpushed) {
		return false
	}
	if c.stale(x, f, o.status) || c.standIn(x, o.status) {
		return true
	}
	x.Rep.Cache.Detail, x.Rep.Cache.Collapsed = "unpushed", !leader
	x.Rep.Degraded = "held"
	c.show(x, o.unpushed)
	x.noStore()
	return true
}
