package audit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestRecordAndList(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("JST", 9*3600))
	r := NewRecorder(&Memory{}, func() time.Time { return now })
	for i := range 5 {
		require.NoError(t, r.Record(Entry{Seq: 99, Principal: "ci", Action: "quota.put", Target: fmt.Sprint("s", i+1), Result: Done}))
	}
	seqs := func(before uint64, limit int) string {
		entries, err := r.List(before, limit)
		require.NoError(t, err)
		var out []string
		for _, e := range entries {
			require.Equal(t, fmt.Sprint("s", e.Seq), e.Target)
			require.Equal(t, now.UTC(), e.At)
			out = append(out, fmt.Sprint(e.Seq))
		}
		return strings.Join(out, " ")
	}
	require.Equal(t, "5 4 3 2 1", seqs(0, 100))
	require.Equal(t, "5 4", seqs(0, 2))
	require.Equal(t, "3 2", seqs(4, 2))
	require.Equal(t, "", seqs(1, 2))
}

func TestMemoryForgetsTheOldest(t *testing.T) {
	m := &Memory{Keep: 3}
	for range 10 {
		_, err := m.Append(Entry{})
		require.NoError(t, err)
	}
	entries, err := m.List(0, 100)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	require.Equal(t, uint64(10), entries[0].Seq)
	require.Equal(t, uint64(8), entries[2].Seq)
}

func TestTextsAreCut(t *testing.T) {
	m := &Memory{}
	r := NewRecorder(m, time.Now)
	long := strings.Repeat("日", 2000)
	require.NoError(t, r.Record(Entry{Principal: "ci", Action: long, Target: long, Detail: long + "\xff"}))
	entries, err := m.List(0, 1)
	require.NoError(t, err)
	e := entries[0]
	for text, n := range map[string]int{e.Action: maxAction, e.Target: maxTarget, e.Detail: maxDetail} {
		require.LessOrEqual(t, len(text), n)
		require.Greater(t, len(text), n-4)
		require.True(t, utf8.ValidString(text))
	}
}

// A stranger must not fill the disk, nor hide what known principals do.
func TestStrangersAreThinnedOut(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	m := &Memory{}
	r := NewRecorder(m, func() time.Time { return now })
	for range 1000 {
		require.NoError(t, r.Record(Entry{Action: "purge", Result: Refused, Detail: "no bearer token"}))
	}
	entries, err := m.List(0, 10_000)
	require.NoError(t, err)
	require.Len(t, entries, strangersPerMinute)
	require.NoError(t, r.Record(Entry{Principal: "ci", Action: "purge"}))
	now = now.Add(time.Minute)
	require.NoError(t, r.Record(Entry{Action: "purge", Result: Refused, Detail: "no bearer token"}))
	entries, err = m.List(0, 2)
	require.NoError(t, err)
	require.Equal(t, "no bearer token (and 940 more like it before)", entries[0].Detail)
	require.Equal(t, "ci", entries[1].Principal)
}

type brokenLog struct{ Memory }

var errDisk = errors.New("disk full")

func (*brokenLog) Append(Entry) (uint64, error)      { return 0, errDisk }
func (*brokenLog) List(uint64, int) ([]Entry, error) { return nil, errDisk }

func TestErrorsReachTheCaller(t *testing.T) {
	r := NewRecorder(&brokenLog{}, time.Now)
	require.ErrorIs(t, r.Record(Entry{Principal: "ci", Action: "purge"}), errDisk)
	_, err := r.List(0, 1)
	require.ErrorIs(t, err, errDisk)
}
