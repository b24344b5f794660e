package edge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// step is what becomes of a request: see second.
type step string

const (
	hit       step = "hit"
	validated step = "validated"
	fetched   step = "fetched"
)

// split is the field lines of a case: those of a line are parted by bars.
func split(lines string) []string {
	if lines == "" {
		return nil
	}
	return strings.Split(lines, " | ")
}

// second sends a request twice, so long apart, and tells where the second answer is
// from. The origin says the same both times, 304 to a condition that holds, and numbers
// its answers: a refresh that no reader waits for asks it too, and answers nobody.
func second(n *node, status int, answered, first string, apart time.Duration, again string) (step, response) {
	var said sync.Map // what the origin did, by the number it gave
	var asked atomic.Int64
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		number := asked.Add(1)
		lines := append(split(answered), fmt.Sprint("Origin-Said: ", number))
		did, a := fetched, answer(status, "content", lines...)
		for _, l := range f.Fields {
			if l.Name == "If-None-Match" || l.Name == "If-Modified-Since" {
				did, a = validated, answer(304, "", lines...)
			}
		}
		said.Store(number, did)
		a.RequestAt, a.ResponseAt = n.now(), n.now()
		return a, nil
	})
	n.get("/x", split(first)...)
	n.skew.Add(int64(apart))
	r := n.get("/x", split(again)...)
	if s := r.cacheStatus(); strings.Contains(s, "; hit") && !strings.Contains(s, "fwd-status") {
		require.Equal(n.t, "1", r.header.Get("Origin-Said"))
		return hit, r
	}
	from, _ := said.Load(asked.Load())
	did, _ := from.(step)
	return did, r
}

// The ground of the public suite through the whole core, group by group: which of a
// group's rules counts is in the tables of freshness, cachekey and those that DESIGN.md
// names; that it does count is here. In the profile that follows the RFCs to the letter.
func TestGroundOfThePublicSuite(t *testing.T) {
	const s = time.Second
	tag := ` | Etag: "v1"`
	date := " | Date: " + ago(0)
	for group, cases := range map[string][]struct {
		answered, first string
		apart           time.Duration
		again           string
		want            step
	}{
		"age-parse": {
			{"Cache-Control: max-age=3600 | Age: 1800" + date, "", s, "", hit},
			{"Cache-Control: max-age=3600 | Age: 7200" + date, "", 0, "", fetched},
			{"Cache-Control: max-age=3600 | Age: 7200 | Age: 0" + date, "", 0, "", fetched},
			{"Cache-Control: max-age=3600 | Age: 7200;foo=1" + date, "", s, "", hit},
		},
		"auth": {
			{"Cache-Control: max-age=3600", "Authorization: a", 0, "Authorization: a", fetched},
			{"Cache-Control: max-age=3600, public", "Authorization: a", 0, "Authorization: a", hit},
			{"Cache-Control: max-age=3600, must-revalidate", "Authorization: a", 0, "Authorization: a", hit},
			{"Cache-Control: s-maxage=3600", "Authorization: a", 0, "", hit},
		},
		"cc-freshness, cc-parse": {
			{"Cache-Control: max-age=10", "", 9 * s, "", hit},
			{"Cache-Control: max-age=10", "", 11 * s, "", fetched},
			{"Cache-Control: max-age=10" + tag, "", 11 * s, "", validated},
			{"Cache-Control: max-age=1, s-maxage=10", "", 9 * s, "", hit},
			{"Cache-Control: max-age=10, s-maxage=1", "", 9 * s, "", fetched},
			{`Cache-Control: max-age="10"`, "", 9 * s, "", hit},
			{`Cache-Control: a="max-age=10", max-age=1`, "", 9 * s, "", fetched},
			{"Cache-Control: max-age=99999999999", "", time.Hour, "", hit},
		},
		"cc-request, pragma": {
			{"Cache-Control: max-age=3600" + tag, "", 0, "Cache-Control: no-cache", validated},
			{"Cache-Control: max-age=3600" + tag, "", 0, "Pragma: no-cache", validated},
			{"Cache-Control: max-age=3600" + tag, "", 0, "Pragma: foo", hit},
			{"Cache-Control: max-age=3600 | Pragma: no-cache", "", 0, "", hit},
			{"Cache-Control: max-age=3600", "Cache-Control: no-store", 0, "", fetched},
			{"Cache-Control: max-age=3600" + tag, "", 5 * s, "Cache-Control: max-age=1", validated},
			{"Cache-Control: max-age=3600" + tag, "", 5 * s, "Cache-Control: max-age=6", hit},
			{"Cache-Control: max-age=3600" + tag, "", 0, "Cache-Control: min-fresh=4000", validated},
			{"Cache-Control: max-age=10" + tag, "", 11 * s, "Cache-Control: max-stale=5", hit},
			{"Cache-Control: max-age=10" + tag, "", 20 * s, "Cache-Control: max-stale=5", validated},
			{"Cache-Control: max-age=10, must-revalidate" + tag, "", 11 * s, "Cache-Control: max-stale", validated},
			{"Cache-Control: max-age=3600", "", 0, "Cache-Control: only-if-cached", hit},
		},
		"cc-response": {
			{"Cache-Control: max-age=3600, no-store", "", 0, "", fetched},
			{"Cache-Control: max-age=3600, private", "", 0, "", fetched},
			{"Cache-Control: max-age=3600, no-cache" + tag, "", 0, "", validated},
			{"Cache-Control: s-maxage=3600, No-CaChE" + tag, "", 0, "", validated},
		},
		"cdn-cache-control": {
			{"CDN-Cache-Control: max-age=3600 | Cache-Control: no-store", "", s, "", hit},
			{"CDN-Cache-Control: no-store | Cache-Control: max-age=3600", "", 0, "", fetched},
			{"CDN-Cache-Control: max-age=1 | Cache-Control: max-age=3600", "", 9 * s, "", fetched},
			{"CDN-Cache-Control: max-age=100, &&&&& | Cache-Control: max-age=1", "", 9 * s, "", fetched},
			{"CDN-Cache-Control: private | Cache-Control: max-age=3600", "", 0, "", fetched},
		},
		"expires, expires-parse": {
			{"Expires: " + ago(-time.Hour) + date, "", s, "", hit},
			{"Expires: " + ago(time.Hour) + date, "", 0, "", fetched},
			{"Expires: 0", "", 0, "", fetched},
			{"Expires: " + time.Now().Add(time.Hour).UTC().Format("Monday, 02-Jan-06 15:04:05 GMT") + date, "", s, "", hit},
		},
		"heuristic, other": {
			{"Last-Modified: " + ago(1000*s) + date, "", 50 * s, "", hit},
			{"Last-Modified: " + ago(1000*s) + date, "", 200 * s, "", validated},
			{"Cache-Control: max-age=3600 | Content-Disposition: attachment", "", s, "", hit},
			{"Cache-Control: max-age=3600 | Set-Cookie: a=b", "", 0, "", hit},
			{"Cache-Control: max-age=3600", "Cookie: a=b", 0, "Cookie: a=c", hit},
		},
		"vary-parse, vary": {
			{"Cache-Control: max-age=3600 | Vary: *", "", 0, "", fetched},
			{"Cache-Control: max-age=3600 | Vary: Foo, *", "Foo: 1", 0, "Foo: 1", fetched},
			{"Cache-Control: max-age=3600 | Vary: Foo", "Foo: 1", 0, "Foo: 1", hit},
			{"Cache-Control: max-age=3600 | Vary: Foo", "Foo: 1", 0, "Foo: 2", fetched},
			{"Cache-Control: max-age=3600 | Vary: Foo", "Foo: 1", 0, "", fetched},
			{"Cache-Control: max-age=3600 | Vary: Foo", "", 0, "", hit},
			{"Cache-Control: max-age=3600 | Vary: Foo", "Foo: ", 0, "", fetched},
			{"Cache-Control: max-age=3600 | Vary: Foo", "", 0, "Foo: ", fetched},
			{"Cache-Control: max-age=3600 | Vary: Foo", "Foo: ", 0, "Foo: ", hit},
			{"Cache-Control: max-age=3600 | Vary: Accept-Language", "", 0, "Accept-Language: ", hit},
			{"Cache-Control: max-age=3600 | Vary: Foo, Bar", "Foo: 1 | Bar: 2", 0, "Foo: 1 | Bar: 3", fetched},
		},
		"stale": {
			{"Cache-Control: max-age=1, stale-while-revalidate=600", "", 5 * s, "", hit},
			{"Cache-Control: max-age=1, stale-while-revalidate=3" + tag, "", 5 * s, "", validated},
		},
	} {
		t.Run(group, func(t *testing.T) {
			for _, c := range cases {
				n := conforming(t)
				got, _ := second(n, 200, c.answered, c.first, c.apart, c.again)
				n.core.Close() // what is refreshed behind it has nothing to say
				require.Equal(t, c.want, got, "%s; %s; %v later %s", c.answered, c.first, c.apart, c.again)
			}
		})
	}
}

// Groups of the suite that ask for more than whence an answer is.
func TestGroundOfThePublicSuiteBeside(t *testing.T) {
	const fresh = "Cache-Control: max-age=3600"
	t.Run("only-if-cached of nothing", func(t *testing.T) {
		require.Equal(t, 504, conforming(t).get("/x", "Cache-Control: only-if-cached").status)
	})
	t.Run("other: Age, query", func(t *testing.T) {
		n := conforming(t)
		_, r := second(n, 200, fresh, "", 5*time.Second, "")
		require.Equal(t, "5", r.header.Get("Age"))
		n.get("/x?a=1")
		require.NotContains(t, n.get("/x?a=2").cacheStatus(), "; hit")
		require.Contains(t, n.get("/x?a=1").cacheStatus(), "; hit")
	})
	t.Run("status", func(t *testing.T) {
		for _, status := range []int{200, 203, 204, 299, 400, 404, 410, 499, 500, 502, 503, 504, 599} {
			got, r := second(conforming(t), status, fresh, "", 0, "")
			require.Equal(t, hit, got, status)
			require.Equal(t, status, r.status)
			if status != 200 { // and none of them without a word
				got, _ = second(conforming(t), status, "Cache-Control: max-age=1", "", 5*time.Second, "")
				require.Equal(t, fetched, got, status)
			}
		}
		got, _ := second(conforming(t), 200, fresh+", no-store, must-understand", "", 0, "")
		require.Equal(t, hit, got)
		got, _ = second(conforming(t), 599, fresh+", no-store, must-understand", "", 0, "")
		require.Equal(t, fetched, got)
	})
	t.Run("headers", func(t *testing.T) {
		got, r := second(conforming(t), 200, `Cache-Control: max-age=3600, no-cache="x-a" | X-A: 1 | X-B: 2 | Server: s`, "", 0, "")
		require.Equal(t, hit, got)
		require.Empty(t, r.header.Get("X-A"))
		require.Equal(t, "2", r.header.Get("X-B"))
		require.Equal(t, "s", r.header.Get("Server"))
	})
	t.Run("update304", func(t *testing.T) {
		n := conforming(t)
		answered := `Cache-Control: max-age=1 | Etag: "v1" | X-A: old | X-B: old | Content-Encoding: x`
		second(n, 200, answered, "", 0, "")
		n.skew.Add(int64(10 * time.Second))
		n.always(304, "", fresh, `Etag: "v1"`, "X-A: new", "Content-Encoding: y")
		n.get("/x")
		r := n.get("/x")
		require.Contains(t, r.cacheStatus(), "; hit")
		require.Equal(t, []string{"new", "old", "x", "content"}, []string{r.header.Get("X-A"), r.header.Get("X-B"), r.header.Get("Content-Encoding"), r.body})
	})
	t.Run("stale", func(t *testing.T) {
		for lines, status := range map[string]int{
			"Cache-Control: max-age=1":                        200,
			"Cache-Control: max-age=1, stale-if-error=60":     200,
			"Cache-Control: max-age=1, must-revalidate":       502,
			"Cache-Control: max-age=1, proxy-revalidate":      502,
			"Cache-Control: s-maxage=1":                       502,
			`Cache-Control: max-age=1, no-cache | Etag: "v1"`: 502,
		} {
			n := conforming(t)
			second(n, 200, lines, "", 0, "")
			n.skew.Add(int64(10 * time.Second))
			n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) { return nil, errors.New("down") })
			require.Equal(t, status, n.get("/x").status, lines)
		}
	})
}
