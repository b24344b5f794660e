package config

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
)

func (k *checker) routes(list []Route, origins []string) {
	var names []string
	for i, r := range list {
		at := fmt.Sprintf("routes[%d]", i)
		before := len(k.problems)
		k.name(at+".name", r.Name)
		if slices.Contains(names, r.Name) {
			k.bad(at+".name", "is %q, as another route's; names must be unique", r.Name)
		}
		names = append(names, r.Name)
		if r.Host != "" {
			k.host(at+".host", strings.TrimPrefix(r.Host, "*."))
		}
		k.pattern(at+".path", r.Path)
		k.origin(at+".origin", r.Origin, origins)
		k.query(at+".query", r.Query)
		k.ttl(at+".ttl", r.TTL)
		if r.Segment != "" {
			k.name(at+".segment", r.Segment)
		}
		oneOf(k, at+".tags", r.Tags, tagSpaces()...)
		oneOf(k, at+".isolated", r.Isolated, isolations()...)
		if len(k.problems) == before {
			k.usable(at, r)
		}
	}
	if len(list) > maxRoutes {
		k.bad("routes", "must be at most %d", maxRoutes)
	}
}

// maxRoutes is what a keyer takes.
const maxRoutes = 1024

// usable asks the keyer, who has the last word on patterns: what passes here
// must not fail at the start of a node.
func (k *checker) usable(at string, r Route) {
	_, err := cachekey.NewKeyer([]cachekey.Pattern{{
		Host: r.Host, Path: r.Path, Query: cachekey.QueryRule{Names: r.Query.Names},
	}})
	var invalid *cachekey.Error
	if errors.As(err, &invalid) {
		k.bad(at+"."+invalid.Field, "%s", invalid.Reason)
	} else if err != nil {
		k.bad(at, "%v", err)
	}
}

func (k *checker) pattern(at, p string) {
	body := strings.TrimSuffix(p, "*")
	switch {
	case !strings.HasPrefix(p, "/"), strings.ContainsAny(body, "*?#% \t\r\n\\"), !isASCII(p),
		body != p && !strings.HasSuffix(body, "/"):
		k.bad(at, `is %q; must be "/x" for one path, "/x/*" for a subtree or "/*" for all, in plain ASCII`, p)
	case body != "/" && path.Clean(body) != strings.TrimSuffix(body, "/"):
		k.bad(at, "is %q; must have no empty, . or .. step", p)
	case strings.HasPrefix(body, "/v1/segments/"):
		k.bad(at, "is %q; must not begin with /v1/segments/: artifacts have routes of their own", p)
	}
}

func (k *checker) query(at string, q Query) {
	oneOf(k, at+".others", q.Others, others()...)
	for i, n := range q.Names {
		name := fmt.Sprintf("%s.names[%d]", at, i)
		switch {
		case n == "*" && len(q.Names) > 1:
			k.bad(name, `is "*", which must stand alone: it is the whole query`)
		case n == "" || len(n) > 128 || !isASCII(n) || strings.ContainsAny(n, "&=#% \t\r\n"):
			k.bad(name, `is %q; must be 1 to 128 ASCII characters without & = # %% and space`, n)
		case slices.Contains(q.Names[:i], n):
			k.bad(name, "is %q a second time", n)
		}
	}
	if slices.Equal(q.Names, []string{"*"}) && q.Others == OthersRefuse {
		k.bad(at+".others", `must be drop where names is ["*"]: there are no others`)
	}
}

func (k *checker) ttl(at string, t TTL) {
	const year = 365 * 24 * time.Hour
	k.duration(at+".default", t.Default, 0, year)
	k.duration(at+".max", t.Max, 0, year)
	k.duration(at+".swr", t.SWR, 0, year)
	k.duration(at+".sie", t.SIE, 0, year)
	if t.Max > 0 && t.Default > t.Max {
		k.bad(at+".default", "must not exceed %s.max (%s)", at, t.Max)
	}
}
