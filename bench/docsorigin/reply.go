package docsorigin

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// reply is an answer before conditions and the method are applied to it.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// unmodified tells whether the client's copy is this one (RFC 9110 §13.2.2).
// If-None-Match rules If-Modified-Since out. A date counts only if it is
// exactly ours: Docs-Pin and reverts bring older editions back, of which
// "not modified since" would be a lie.
func (r *reply) unmodified(h http.Header) bool {
	if r.status != http.StatusOK {
		return false
	}
	if list := h.Values("If-None-Match"); len(list) > 0 {
		return etagListed(strings.Join(list, ","), r.header.Get("ETag"))
	}
	since, err := http.ParseTime(h.Get("If-Modified-Since"))
	if err != nil || r.header.Get("Last-Modified") == "" {
		return false
	}
	modified, err := http.ParseTime(r.header.Get("Last-Modified"))
	return err == nil && since.Equal(modified)
}

// etagListed compares weakly, as If-None-Match asks (RFC 9110 §13.1.2). What
// follows a malformed member is not read.
func etagListed(list, etag string) bool {
	if strings.Trim(list, " \t") == "*" {
		return etag != ""
	}
	for {
		list = strings.TrimLeft(list, " \t,")
		list = strings.TrimPrefix(list, "W/")
		if !strings.HasPrefix(list, `"`) {
			return false
		}
		end := strings.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		if list[:end+2] == etag {
			return true
		}
		list = list[end+2:]
	}
}

// send writes the reply, and returns the status it had.
func (r *reply) send(w http.ResponseWriter, req *http.Request) int {
	status, body := r.status, r.body
	h := w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	if r.unmodified(req.Header) {
		status, body = http.StatusNotModified, nil
		h.Del("Content-Type")
	} else {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if req.Method != http.MethodHead {
		// The client went away, and there is nobody left to tell.
		_, _ = w.Write(body)
	}
	return status
}

// lastModified is a date to send, or "". A date within the current second is
// not: a change later in that second would bear the same one (RFC 9110
// §8.8.2.2).
func lastModified(modified, now time.Time) string {
	if modified.IsZero() || !modified.Truncate(time.Second).Before(now.Truncate(time.Second)) {
		return ""
	}
	return modified.UTC().Format(http.TimeFormat)
}
