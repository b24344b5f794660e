package freshness

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever comes in, no verdict breaks these.
func requireSound(t require.TestingT, req Request, res Response, p Policy, v Verdict) {
	require.Equal(t, v.Why == Stored, v.Storable)
	for _, d := range []time.Duration{v.Lifetime, v.InitialAge, v.SWR, v.SIE} {
		require.True(t, 0 <= d && d <= MaxDelta, "%v", d)
	}
	require.True(t, slices.IsSorted(v.Vary) && len(slices.Compact(slices.Clone(v.Vary))) == len(v.Vary))
	require.LessOrEqual(t, len(v.Vary), maxNames)
	require.LessOrEqual(t, len(v.Omit), maxNames)
	if !v.MayBeStale() {
		require.Zero(t, v.SWR+v.SIE)
	}
	if v.Storable {
		require.Equal(t, "GET", res.Method)
		require.True(t, v.HasValidator || v.Use(v.InitialAge, Directives{}) != Revalidate)
		require.True(t, p.Conformance || !present(res.Fields, "Set-Cookie") || slices.Contains(v.Omit, "Set-Cookie"))
	}
	// As age grows, Use never gets more permissive.
	last := Fresh
	for _, age := range []time.Duration{0, v.InitialAge, v.Lifetime - 1, v.Lifetime, v.Lifetime + v.SWR, v.Lifetime + v.SIE, MaxDelta} {
		if age = max(age, 0); age >= v.Lifetime {
			require.NotEqual(t, Fresh, v.Use(age, Directives{}))
		}
	}
	for age := time.Duration(0); age < MaxDelta; age = age*2 + time.Second {
		use := v.Use(age, Directives{})
		require.GreaterOrEqual(t, use, last)
		last = use
	}
	require.Equal(t, v, Judge(req, res, p), "pure")
}

func TestVerdictsAreSound(t *testing.T) {
	directives := rapid.SampledFrom([]string{"max-age=60", "max-age=0", "s-maxage=7", "no-store", "no-cache", "private", "public", "must-revalidate",
		"proxy-revalidate", "must-understand", "immutable", `private="set-cookie"`, `no-cache="x"`, "stale-while-revalidate=9", "stale-if-error=99",
		"max-age=x", "x=\"", "CDN"})
	field := rapid.OneOf(
		rapid.Map(rapid.SliceOfN(directives, 0, 4), func(d []string) string { return "Cache-Control: " + strings.Join(d, ", ") }),
		rapid.Map(rapid.SliceOfN(directives, 0, 3), func(d []string) string { return "CDN-Cache-Control: " + strings.Join(d, ", ") }),
		rapid.SampledFrom([]string{"Date: " + at(0), "Date: " + at(-50), "Date: x", "Expires: " + at(50), "Expires: 0", "Age: 30", "Age: x",
			"Last-Modified: " + at(-500), `Etag: "a"`, "Set-Cookie: a", "Vary: *", "Vary: b, a", "Vary: A"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		req := Request{Authorization: rapid.Bool().Draw(t, "authorization"), NoStore: rapid.Bool().Draw(t, "no-store")}
		res := Response{
			Method:    rapid.SampledFrom([]string{"GET", "HEAD", "POST"}).Draw(t, "method"),
			Status:    rapid.SampledFrom([]int{100, 200, 206, 304, 404, 503, 599, 1000}).Draw(t, "status"),
			Fields:    lines(rapid.SliceOfN(field, 0, 6).Draw(t, "fields")),
			RequestAt: t0, ResponseAt: t0.Add(time.Second),
		}
		p := Policy{Conformance: rapid.Bool().Draw(t, "conformance"), DefaultSIE: time.Minute, DefaultSWR: time.Second}
		requireSound(t, req, res, p, Judge(req, res, p))
	})
}

func FuzzJudge(f *testing.F) {
	f.Add("Cache-Control: max-age=1, no-cache=\"a\"\nDate: Sun, 06 Nov 1994 08:49:37 GMT\nAge: 1", 200, false, false)
	f.Add("CDN-Cache-Control: max-age=1;a=b, x=(1 2), y=:YQ==:, private=\"a\"\nExpires: 0", 404, true, true)
	f.Add("Vary: *, a\nSet-Cookie: a\nLast-Modified: Sunday, 06-Nov-94 08:49:37 GMT\nEtag: W/\"a\"", 599, true, false)
	f.Fuzz(func(t *testing.T, fields string, status int, conformance, authorization bool) {
		req := Request{Authorization: authorization}
		res := Response{Method: "GET", Status: status, Fields: lines(strings.Split(fields, "\n")), RequestAt: t0, ResponseAt: t0}
		p := Policy{Conformance: conformance, DefaultSIE: time.Hour}
		v := Judge(req, res, p)
		requireSound(t, req, res, p, v)
	})
}
