package freshness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseRequest(t *testing.T) {
	all := "Cache-Control: no-cache, no-store, max-age=1, min-fresh=2, max-stale=3, stale-if-error=4, only-if-cached"
	for name, c := range map[string]struct {
		fields       lines
		def, conform Directives
	}{
		"nothing":   {nil, Directives{}, Directives{}},
		"all":       {lines{all}, Directives{OnlyIfCached: true}, Directives{true, true, true, true, 1e9, 2e9, 3e9, 4e9, false}},
		"as it is":  {lines{"Cache-Control: max-age=x, No-Transform"}, Directives{NoTransform: true}, Directives{NoTransform: true}},
		"lines":     {lines{"Cache-Control: max-age=1", "Cache-Control: ONLY-if-cached"}, Directives{OnlyIfCached: true}, Directives{OnlyIfCached: true, HasMaxAge: true, MaxAge: 1e9}},
		"first":     {lines{"Cache-Control: max-age=1, max-age=2"}, Directives{}, Directives{HasMaxAge: true, MaxAge: 1e9}},
		"zero":      {lines{"Cache-Control: max-age=0"}, Directives{}, Directives{HasMaxAge: true}},
		"any stale": {lines{"Cache-Control: max-stale"}, Directives{}, Directives{MaxStale: MaxDelta}},
		"invalid":   {lines{"Cache-Control: max-age=a, min-fresh=-1, max-stale=, max-stale=\"x"}, Directives{}, Directives{}},
		"quoted":    {lines{`Cache-Control: max-age="7"`}, Directives{}, Directives{HasMaxAge: true, MaxAge: 7e9}},
		"pragma":    {lines{"Pragma: x, No-Cache"}, Directives{}, Directives{NoCache: true}},
		"pragma beside Cache-Control": {lines{"Pragma: no-cache", "Cache-Control: max-age=1"}, Directives{},
			Directives{HasMaxAge: true, MaxAge: 1e9}},
	} {
		var s Scratch
		require.Equal(t, c.def, ParseRequest(c.fields, false, &s), name)
		require.Equal(t, c.conform, ParseRequest(c.fields, true, &s), name)
		moved := s
		require.Equal(t, c.conform, ParseRequest(c.fields, true, &moved), name)
		require.Equal(t, c.def, ParseRequest(c.fields, false, &s), name)
	}
}

func TestUse(t *testing.T) {
	const s = time.Second
	v := Terms{Lifetime: 10 * s, SWR: 5 * s, SIE: 20 * s}
	with := func(change func(*Terms)) Terms {
		w := v
		change(&w)
		return w
	}
	for name, c := range map[string]struct {
		v   Terms
		age time.Duration
		req Directives
		use Use
	}{
		"fresh":                       {v, 10*s - 1, Directives{}, Fresh},
		"at its lifetime it is stale": {v, 10 * s, Directives{}, StaleWhileRevalidate}, // RFC 9111 §4.2: lifetime > age
		"end of the window":           {v, 15 * s, Directives{}, StaleWhileRevalidate},
		"behind it":                   {v, 15*s + 1, Directives{}, StaleIfError},
		"end of stale-if-error":       {v, 30 * s, Directives{}, StaleIfError},
		"behind that":                 {v, 30*s + 1, Directives{}, Revalidate},
		"no window":                   {Terms{Lifetime: 10 * s}, 10 * s, Directives{}, Revalidate},
		"no-cache":                    {with(func(v *Terms) { v.NoCache = true }), 0, Directives{}, Revalidate},
		"must-revalidate, fresh":      {with(func(v *Terms) { v.MustRevalidate = true }), 9 * s, Directives{}, Fresh},
		"must-revalidate, stale":      {with(func(v *Terms) { v.MustRevalidate = true }), 10 * s, Directives{MaxStale: MaxDelta}, Revalidate},
		"request no-cache":            {v, 0, Directives{NoCache: true}, Revalidate},
		"request max-age met":         {v, 5 * s, Directives{HasMaxAge: true, MaxAge: 5 * s}, Fresh},
		"request max-age exceeded":    {v, 5*s + 1, Directives{HasMaxAge: true, MaxAge: 5 * s}, Revalidate},
		"reload":                      {v, 0, Directives{HasMaxAge: true}, Revalidate},
		"reload of immutable":         {with(func(v *Terms) { v.Immutable = true }), 9 * s, Directives{HasMaxAge: true}, Fresh},
		"forced reload of immutable":  {with(func(v *Terms) { v.Immutable = true }), 9 * s, Directives{NoCache: true}, Revalidate},
		"stale immutable":             {with(func(v *Terms) { v.Immutable = true }), 31 * s, Directives{}, Revalidate},
		"reload when stale":           {v, 11 * s, Directives{HasMaxAge: true}, StaleIfError},
		"min-fresh met":               {v, 7 * s, Directives{MinFresh: 3 * s}, Fresh},
		"min-fresh not met":           {v, 7*s + 1, Directives{MinFresh: 3 * s}, Revalidate},
		"max-stale":                   {Terms{Lifetime: 10 * s}, 12 * s, Directives{MaxStale: 2 * s}, StaleWhileRevalidate},
		"max-stale exceeded":          {Terms{Lifetime: 10 * s}, 12*s + 1, Directives{MaxStale: 2 * s}, Revalidate},
		"request's stale-if-error":    {Terms{Lifetime: 10 * s}, 12 * s, Directives{StaleIfError: 2 * s}, StaleIfError},
	} {
		require.Equal(t, c.use, c.v.Use(c.age, c.req), name)
	}
}

func TestAgeSaturates(t *testing.T) {
	v := Terms{InitialAge: 10 * time.Second}
	require.Equal(t, 12*time.Second, v.Age(2*time.Second))
	require.Equal(t, 10*time.Second, v.Age(-time.Hour), "a clock set back")
	require.Equal(t, MaxDelta, v.Age(1<<63-1))
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	var s Scratch
	var f Fields = lines{"Cache-Control: max-age=0, only-if-cached", "Cache-Control: no-cache", "Pragma: no-cache"}
	v := Terms{Lifetime: time.Hour}
	for _, conformance := range []bool{false, true} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			d := ParseRequest(f, conformance, &s)
			v.Use(v.Age(time.Second), d)
		}))
	}
}
