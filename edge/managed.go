package edge

import (
	"strconv"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/freshness"
	"github.com/letteros/letteredge/invalidation"
)

// readersMaxAge is how long readers may keep what a flip may replace at any
// moment.
const readersMaxAge = 30 * time.Second

// ParseVersions reads a Docs-Version field, or a vector: a list of id=version
// such as `core-message=7, pricing=42`. Of an id that comes twice the versions
// must agree. Errors are *RefusedError.
func ParseVersions(value string) (map[string]int64, error) {
	all := make(map[string]int64)
	var differs error
	err := eachVersion(value, func(id string, v int64) {
		if have, ok := all[id]; ok && have != v {
			differs = &RefusedError{"Docs-Version", "names " + id + " with two versions"}
		}
		all[id] = v
	})
	if err == nil {
		err = differs
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// checkTarget holds the versions that an answer was rendered from to what the
// fill was for: of the managed documents exactly those of its vector. whole says
// that no other document is among them. A built whole may lack a part, and each
// of its parts was checked: it must only contradict nothing.
//
// The error is a *heldError: what is there is not what is to be shown.
func checkTarget(d *detached, built bool, version string) (whole bool, err error) {
	got, err := ParseVersions(version)
	if err != nil {
		return false, err
	}
	want := map[string]int64{}
	if d.vector != "" {
		if want, err = ParseVersions(d.vector); err != nil {
			return false, heldf("its target cannot be read: %v", err)
		}
	}
	whole = d.vector != ""
	seen := 0
	for id, v := range got {
		target, ok := want[id]
		if ok {
			seen++
		} else {
			whole = false
			target, ok = d.targets.Version(id)
		}
		if ok && target != v {
			return false, heldf("%s=%d is to be shown, %s=%d was answered", id, target, id, v)
		}
	}
	if seen < len(want) && !built {
		return false, heldf("%s is to be shown, %s was answered", d.vector, version)
	}
	return whole, nil
}

// settles reports whether a copy that is wholly managed needs nobody's leave to be
// shown, at whatever age, as long as it is at its target.
func settles(whole bool, rules *freshness.Verdict) bool {
	return whole && !rules.NoCache && !rules.MustRevalidate && (rules.Storable || rules.Why == freshness.NoFreshness)
}

// readersFields are the fields of a settled copy as readers get them: they may
// keep it for a moment, since a flip does not reach them, counted from when this
// node last knew it to be at its target. Date would count from the fill, so it is
// left to the transport. control is the upstream's own Cache-Control.
func readersFields(fields fieldLines) (lines []Field, control string) {
	control = fields.Combined("Cache-Control")
	lines = make([]Field, 0, len(fields)+1)
	for _, f := range fields {
		if f.Name != "Cache-Control" && f.Name != "Expires" && f.Name != "Date" {
			lines = append(lines, f)
		}
	}
	return append(lines, Field{"Cache-Control", readersControl(control)}), control
}

func readersControl(control string) string {
	maxAge := int64(readersMaxAge / time.Second)
	var kept strings.Builder
	if !strings.Contains(control, `"`) { // no list to be split at its commas otherwise
		for d := range strings.SplitSeq(control, ",") {
			d = strings.Trim(d, " \t")
			name, value, _ := strings.Cut(d, "=")
			switch strings.ToLower(name) {
			case "max-age":
				if v, err := strconv.ParseInt(value, 10, 64); err == nil && v >= 0 {
					maxAge = min(maxAge, v)
				}
			case "", "s-maxage", "stale-while-revalidate", "stale-if-error", "immutable":
			default:
				kept.WriteString(", ")
				kept.WriteString(d)
			}
		}
	}
	return "max-age=" + strconv.FormatInt(maxAge, 10) + kept.String()
}

// settled judges a copy at its target that only the request itself may find too
// old. HOT.
func (c *Core) settled(x *Exchange, f *found) {
	age := c.Standing.WatermarkAge(x.Now)
	f.ttl, f.use = max(0, readersMaxAge-age), useFresh
	rules := freshness.Terms{Lifetime: freshness.MaxDelta}
	if rules.Use(age, f.req) != freshness.Fresh {
		f.use, f.fwd = useRevalidate, FwdRequest
	}
}

// age is the age that readers are told.
func (c *Core) age(x *Exchange, s *Slot) time.Duration {
	if s.Settled {
		return c.Standing.WatermarkAge(x.Now)
	}
	return s.Age(x.Now)
}

// ttl is the freshness that a slot has left.
func (c *Core) ttl(x *Exchange, s *Slot) time.Duration {
	if s.Settled {
		return max(0, readersMaxAge-c.Standing.WatermarkAge(x.Now))
	}
	return s.Rules.Lifetime - s.Age(x.Now)
}

// Remaining tells, of a slot as a part of a whole, how much longer it is fresh
// and how old it is. One that is fresh at any age is as on its first moment.
func (s *Slot) Remaining(now time.Time) (fresh, age time.Duration) {
	if s.Settled {
		return max(s.Rules.Lifetime, readersMaxAge), 0
	}
	age = s.Age(now)
	return s.Rules.Lifetime - age, age
}

// standIn shows, where the target could not be had in the form asked for, any
// other form of the same target that is here: another language, or one that was
// purged softly. It is the same versions, so it mixes nothing.
func (c *Core) standIn(x *Exchange, status int) bool {
	if x.vector == "" || x.previewed {
		return false
	}
	e := c.Store.Get(x.key.Text)
	if e == nil {
		return false
	}
	var other *Slot
	for s := range e.each {
		if s.Vector != x.vector || s.Stamp.State() == invalidation.Hard || !s.Rules.MayBeStale() {
			continue
		}
		if c.selects(x, s) {
			other = s
			break
		}
		if other == nil {
			other = s
		}
	}
	if other == nil {
		return false
	}
	x.Rep.Cache = CacheStatus{Hit: true, TTL: seconds(c.ttl(x, other)), HasTTL: true, FwdStatus: status, Detail: "held"}
	x.Rep.Degraded = "held"
	c.show(x, other)
	return true
}

// pinnedFor reads what was saved of the flight's key at its vector, where that is
// of use to it.
func (c *Core) pinnedFor(fl *flight, d *detached) *Slot {
	if d.vector == "" || d.stale != nil || d.validate {
		return nil
	}
	return c.pinned(fl.key, d.vector, d.fields)
}

// pinned reads what was saved of a key, which owns its memory, at a vector. What no
// purge has hit goes to the store, and comes back where it is what the request
// asked for: a copy that no soft purge has hit either, and that needs no validation.
func (c *Core) pinned(key cachekey.Key, vector string, fields Fields) (hit *Slot) {
	all, err := c.Pins.Load(key.Text, vector)
	if err != nil {
		c.Logger.Warn("pins not read", "key", key.Text, "err", err)
		return nil
	}
	// Before the log is read: a purge after this shows in the stamp.
	born := c.Marks.Epoch()
	for _, data := range all {
		s, position, err := decodePin(data)
		if err != nil || s.Vector != vector {
			c.Logger.Warn("pin not understood", "key", key.Text, "err", err)
			continue
		}
		if c.holds(key.Text, s) {
			continue
		}
		tags := s.Tags()
		hard, soft, known := c.Purges.Since(position)
		if !known || selected(hard, key, tags) {
			continue
		}
		stamp, ok := c.Marks.Stamp(key, tags, born)
		if !ok {
			continue
		}
		if d := s.Art.unpack(); c.offer(d, &s.Rules, -1) {
			s.Art = d.pack()
		}
		s.stamped(stamp)
		s.Softened = selected(soft, key, tags)
		c.Store.Put(key.Text, s)
		if s.Settled && !s.Softened && string(appendVariant(nil, c.loose(key), s.Vary(), fields)) == s.Variant() {
			hit = s
		}
	}
	return hit
}

// holds reports whether the store has a copy of its own in place of s.
func (c *Core) holds(text string, s *Slot) bool {
	e := c.Store.Get(text)
	if e == nil {
		return false
	}
	for o := range e.each {
		if o.Vector == s.Vector && o.Variant() == s.Variant() && o.Stamp.State() != invalidation.Hard {
			return true
		}
	}
	return false
}

func selected(sels []cachekey.Selector, key cachekey.Key, tags []string) bool {
	for i := range sels {
		if sels[i].Matches(cachekey.Subject{Key: &key, Tags: tags}) {
			return true
		}
	}
	return false
}
