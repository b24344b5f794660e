package invalidation

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

func TestAPurgeIsDurableBeforeItTakesEffect(t *testing.T) {
	m, c := NewMarks(), &shelf{}
	c.put(t, m, trial, "doc:pricing")
	copied := c.copies[0].stamp
	j := &memory{appending: func(rec Record) error {
		require.Equal(t, Valid, copied.State(), "nothing has happened yet")
		require.Equal(t, "tokyo-1.0000000000000007.1", rec.Dot.String())
		return nil
	}}
	now := noon
	cfg := config()
	cfg.Now = func() time.Time { now = now.Add(950 * time.Microsecond); return now }
	e := newEngine(t, cfg, m, j, c)
	told := Record{}
	e.Subscribe(func(rec Record) {
		require.Equal(t, Hard, copied.State(), "hooks hear of what has happened")
		told = rec
	})
	r, err := e.Purge(t.Context(), tagged("doc:pricing"), ModeHard, "ci")
	require.NoError(t, err)
	require.Equal(t, Hard, copied.State())
	require.Equal(t, Receipt{Dot: told.Dot, Node: "tokyo-1", AppliedAfterMS: 0.95}, r)
	require.Len(t, j.recs, 1)

	v, err := e.Get(r.Dot.String())
	require.NoError(t, err)
	text, err := json.Marshal(v)
	require.NoError(t, err)
	require.JSONEq(t, `{"purge":"tokyo-1.0000000000000007.1","state":"complete",
		"select":{"tags":["doc:pricing"]},"mode":"hard","accepted_at":"2026-11-23T12:00:00.00095Z","by":"ci",
		"nodes":[{"id":"tokyo-1","region":"tokyo","state":"applied","applied_after_ms":0.95,"receipt_after_ms":0.95,"entries":null}],
		"regions":[{"region":"tokyo","state":"complete"}]}`, string(text))
}

func TestAJournalThatFailsPurgesNothing(t *testing.T) {
	m, c := NewMarks(), &shelf{}
	c.put(t, m, trial)
	full := errors.New("disk full")
	j := &memory{appending: func(Record) error { return full }}
	e := newEngine(t, config(), m, j, c)
	told := 0
	e.Subscribe(func(Record) { told++ })
	_, err := e.Purge(t.Context(), cachekey.Selector{All: true}, ModeHard, "ci")
	require.ErrorIs(t, err, ErrNotDurable)
	require.ErrorIs(t, err, full)
	require.Zero(t, told)
	require.Zero(t, m.Epoch())
	require.Equal(t, Valid, c.copies[0].stamp.State())
	views, next := e.List("", 10)
	require.Empty(t, views)
	require.Empty(t, next)

	// The number is used up: the disk may have kept the record all the same.
	j.appending = nil
	r, err := e.Purge(t.Context(), cachekey.Selector{All: true}, ModeHard, "ci")
	require.NoError(t, err)
	require.Equal(t, uint64(2), r.Dot.Seq)
}

func TestAKillBetweenJournalAndFloors(t *testing.T) {
	j := &memory{recs: []Record{{
		Dot: gossip.Dot{Node: "tokyo-1", Incarnation: 7, Seq: 1}, Selector: tagged("doc:pricing"), Mode: ModeSoft, At: noon, By: "ci",
	}}}
	m := NewMarks()
	cfg := config()
	cfg.Incarnation, cfg.Now = 8, func() time.Time { return noon.Add(time.Minute) }
	e := newEngine(t, cfg, m, j, &shelf{})
	s, ok := m.Stamp(mustKey(t, trial), []string{"doc:pricing"}, 0)
	require.True(t, ok)
	require.Equal(t, Soft, s.State(), "what the kill interrupted is done")

	v, err := e.Get("tokyo-1.0000000000000007.1")
	require.NoError(t, err)
	require.Equal(t, "complete", v.State)
	require.Equal(t, 60_000.0, *v.Nodes[0].AppliedAfterMS)
	require.Zero(t, *v.Nodes[0].Entries, "the cache began empty")
	r, err := e.Purge(t.Context(), tagged("x"), ModeHard, "ci")
	require.NoError(t, err)
	require.Equal(t, "tokyo-1.0000000000000008.1", r.Dot.String(), "no dot is issued twice")
}

func TestAJournalThatCannotBeReadStopsTheStart(t *testing.T) {
	_, err := NewEngine(config(), NewMarks(), unreadable{}, &shelf{})
	require.ErrorContains(t, err, "replay purges: page 7 is lost")
}

type unreadable struct{}

func (unreadable) Replay(func(Record) error) error { return errors.New("page 7 is lost") }
func (unreadable) Append(Record) error             { return nil }

func TestHooksHearInTheOrderOfEpochs(t *testing.T) {
	m, journalled := NewMarks(), make(chan struct{}, 2)
	j := &memory{appending: func(Record) error { journalled <- struct{}{}; return nil }}
	e := newEngine(t, config(), m, j, &shelf{})
	var heard []Epoch
	e.Subscribe(func(Record) {
		if len(heard) == 0 { // while this one hears, another purge gets as far as it can
			<-journalled
			<-journalled
			for range 1000 {
				runtime.Gosched()
			}
		}
		heard = append(heard, m.Epoch())
	})
	told := 0
	e.Subscribe(func(Record) {
		told++
		require.Equal(t, told, len(heard), "each hook hears each purge before the next")
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			_, err := e.Purge(t.Context(), tagged("a"), ModeHard, "")
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.Equal(t, []Epoch{1, 2}, heard)
}

func TestBadPurges(t *testing.T) {
	j := &memory{appending: func(Record) error { t.Error("journalled"); return nil }}
	e := newEngine(t, config(), NewMarks(), j, &shelf{})
	for sel, want := range map[*cachekey.Selector]string{
		{}:                                       "select: must have one of",
		{Tags: []string{"a"}, All: true}:         "select: must have only one of tags, all",
		{Segment: "B2B"}:                         "segment: must match",
		{Prefix: "/v1/segments"}:                 "prefix: ",
		{Keys: []string{"/v1/segments/../ctas"}}: "keys[0]: ",
	} {
		_, err := e.Purge(t.Context(), *sel, ModeHard, "ci")
		var bad *cachekey.Error
		require.ErrorAs(t, err, &bad)
		require.ErrorContains(t, err, want)
		_, err = e.DryRun(*sel)
		require.ErrorAs(t, err, &bad)
	}
	_, err := e.Purge(t.Context(), tagged("a"), Mode(2), "ci")
	require.ErrorContains(t, err, "mode(2) is unknown")
	_, err = e.Get(strings.Repeat("x", 1000))
	require.ErrorIs(t, err, ErrUnknownPurge)
	require.Less(t, len(err.Error()), 300)
}

func TestAPurgeIsMadeCanonical(t *testing.T) {
	j := &memory{}
	e := newEngine(t, config(), NewMarks(), j, &shelf{})
	_, err := e.Purge(t.Context(), tagged("a", "b", "a"), ModeHard, "ci")
	require.NoError(t, err)
	require.Equal(t, tagged("a", "b"), j.recs[0].Selector)
}

func TestDryRunLeavesNoTrace(t *testing.T) {
	m, c, j := NewMarks(), &shelf{}, &memory{}
	for i := range 3 {
		c.put(t, m, fmt.Sprint("h.example/", i), "a")
	}
	c.put(t, m, "h.example/other")
	e := newEngine(t, config(), m, j, c)
	got, err := e.DryRun(tagged("a"))
	require.NoError(t, err)
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, `{"dry_run":true,"entries":3,"nodes":[{"id":"tokyo-1","entries":3}]}`, string(text))
	require.Empty(t, j.recs)
	require.Zero(t, m.Epoch())
}

func TestListPagesFromTheLatest(t *testing.T) {
	cfg := config()
	cfg.Retain = 25
	e := newEngine(t, cfg, NewMarks(), &memory{}, &shelf{})
	for range 40 {
		_, err := e.Purge(t.Context(), tagged("a"), ModeHard, "")
		require.NoError(t, err)
	}
	var seqs []string
	next := ""
	for page := 0; page == 0 || next != ""; page++ {
		var views []View
		views, next = e.List(next, 10)
		for _, v := range views {
			seqs = append(seqs, v.Purge[strings.LastIndex(v.Purge, ".")+1:])
		}
		if page == 0 { // purges that come between two pages shift nothing
			_, err := e.Purge(t.Context(), tagged("b"), ModeHard, "")
			require.NoError(t, err)
		}
	}
	require.Equal(t, "40 39 38 37 36 35 34 33 32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17", strings.Join(seqs, " "))
	_, err := e.Get("tokyo-1.0000000000000007.16")
	require.ErrorIs(t, err, ErrUnknownPurge, "the oldest has left")
	views, next := e.List("tokyo-1.0000000000000007.1", 10)
	require.Empty(t, views)
	require.Empty(t, next)
}

func TestKnownPurgesAreBoundedInBytes(t *testing.T) {
	cfg := config()
	cfg.RetainBytes = 10_000
	e := newEngine(t, cfg, NewMarks(), &memory{}, &shelf{})
	for i := range 20 {
		_, err := e.Purge(t.Context(), cachekey.Selector{Keys: []string{fmt.Sprintf("h.example/%02000d", i)}}, ModeHard, "")
		require.NoError(t, err)
	}
	views, _ := e.List("", 100)
	require.Len(t, views, 4)
}

func TestConfigThatCannotBe(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		"Node":        func(c *Config) { c.Node = "" },
		"Region":      func(c *Config) { c.Region = "" },
		"Incarnation": func(c *Config) { c.Incarnation = 0 },
		"Retain":      func(c *Config) { c.Queue = -1 },
	} {
		cfg := config()
		spoil(&cfg)
		_, err := NewEngine(cfg, NewMarks(), &memory{}, &shelf{})
		require.ErrorContains(t, err, want)
	}
}
