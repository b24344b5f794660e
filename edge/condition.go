package edge

import (
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
)

// condition turns a 200 into a 304 where the reader already has what it would
// get (RFC 9110 §13.2.2). If-Modified-Since counts only without If-None-Match.
func (c *Core) condition(x *Exchange) {
	etag, modified := x.validators()
	if x.Req.Fields.Get("If-None-Match") != "" {
		if !matchesAny(x.Req.Fields, etag) {
			return
		}
	} else if since := x.Req.Fields.Get("If-Modified-Since"); since == "" || !notModified(modified, since, x.Now) {
		return
	}
	x.Rep.Status = 304
	x.Rep.Body = nil
	x.Rep.Length = -1
	if x.Rep.Stream != nil {
		_ = x.Rep.Stream.Close() // a 304 has no content
		x.Rep.Stream = nil
	}
}

// validators returns the entity tag and Last-Modified of the reply.
func (x *Exchange) validators() (etag, modified string) {
	if x.Rep.Art != nil {
		return x.Rep.Art.ETag(), x.Rep.Art.LastModified()
	}
	passed := fieldLines(x.Rep.Passed)
	return passed.Get("Etag"), passed.Get("Last-Modified")
}

// matchesAny reports whether a list in If-None-Match names the tag, by weak
// comparison (RFC 9110 §8.8.3.2). The usual single line allocates nothing.
func matchesAny(fields Fields, etag string) bool {
	list := fields.Combined("If-None-Match")
	if strings.TrimSpace(list) == "*" {
		return true
	}
	if etag == "" {
		return false
	}
	opaque := strings.TrimPrefix(etag, "W/")
	for list != "" {
		list = strings.TrimLeft(list, ", \t")
		list = strings.TrimPrefix(list, "W/")
		if !strings.HasPrefix(list, `"`) {
			return false // not a list of entity tags: no condition that holds
		}
		end := strings.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		if list[:end+2] == opaque {
			return true
		}
		list = list[end+2:]
	}
	return false
}

// notModified reports whether a representation last modified then is no newer
// than since. Equal text, the usual case, is decided without parsing.
func notModified(modified, since string, now time.Time) bool {
	if modified == "" {
		return false
	}
	if modified == since {
		return true
	}
	m, ok := freshness.ParseDate(modified, now)
	if !ok {
		return false
	}
	s, ok := freshness.ParseDate(since, now)
	return ok && !m.After(s)
}
