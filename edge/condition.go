package edge

import (
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/freshness"
)

// condition evaluates the preconditions of a GET or HEAD whose answer is a 200, in
// the order of RFC 9110 §13.2.2: a 412 where what the reader wants to go on with is
// not there any more, a 304 where it has already what it would get. The date of a
// pair counts only without the tag. All other methods' conditions are the origin's
// to evaluate.
func (c *Core) condition(x *Exchange) {
	if x.Req.Method != MethodGet && x.Req.Method != MethodHead {
		return
	}
	fields := x.Req.Fields
	if list := fields.Combined("If-Match"); list != "" {
		if etag, _ := x.validators(); !matchesAny(list, etag, true) {
			c.preconditionFailed(x, "If-Match")
			return
		}
	} else if since := fields.Get("If-Unmodified-Since"); since != "" {
		if _, modified := x.validators(); modifiedAfter(modified, since, x.Now) {
			c.preconditionFailed(x, "If-Unmodified-Since")
			return
		}
	}
	if list := fields.Combined("If-None-Match"); list != "" {
		if etag, _ := x.validators(); !matchesAny(list, etag, false) {
			return
		}
	} else if since := fields.Get("If-Modified-Since"); since == "" {
		return
	} else if _, modified := x.validators(); !notModified(modified, since, x.Now) {
		return
	}
	x.Rep.Status = 304
	x.Rep.Body = nil
	x.Rep.Length = -1
	x.skipDigest()
	x.closeStream() // a 304 has no content
}

func (c *Core) preconditionFailed(x *Exchange, field string) {
	x.closeStream()
	c.problem(x, 412, "about:blank", "Precondition Failed", "the representation is not the one that the request is for", field)
}

func (x *Exchange) closeStream() {
	if x.Rep.Stream != nil {
		_ = x.Rep.Stream.Close() // nobody reads it
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

// matchesAny reports whether a list of If-Match or If-None-Match names the tag, by
// strong or by weak comparison (RFC 9110 §8.8.3.2). The usual single line allocates
// nothing.
func matchesAny(list, etag string, strong bool) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	opaque, weak := strings.CutPrefix(etag, "W/")
	if etag == "" || strong && weak {
		return false
	}
	for list != "" {
		list = strings.TrimLeft(list, ", \t")
		rest, weak := strings.CutPrefix(list, "W/")
		list = rest
		if !strings.HasPrefix(list, `"`) {
			return false // not a list of entity tags: no condition that holds
		}
		end := strings.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		if list[:end+2] == opaque && !(strong && weak) {
			return true
		}
		list = list[end+2:]
	}
	return false
}

// modifiedAfter reports whether a representation has been modified since a date. A
// date that is none, or a representation without one, fails no condition (RFC 9110
// §13.1.4).
func modifiedAfter(modified, since string, now time.Time) bool {
	m, ok := freshness.ParseDate(modified, now)
	if !ok {
		return false
	}
	s, ok := freshness.ParseDate(since, now)
	return ok && m.After(s)
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
