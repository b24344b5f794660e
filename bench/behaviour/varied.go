package behaviour

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Varied is an origin whose answers depend on the request alone, never on the time
// or on what was asked before. The first segment of a path says what kind of answer
// it is, the second of what size (or with what status), the third tells it from
// others.
type Varied struct{}

// Kinds of answers that a cache keeps, and that it passes on.
const (
	Kept    = "kept"    // of a known length, with both validators
	Text    = "text"    // the same, worth a coding
	Chunked = "chunked" // of a length that is not announced

	Passed  = "passed"  // of a known length
	Flowing = "flowing" // bit by bit
	Trailed = "trailed" // with trailer fields
	Fields  = "fields"  // many field lines, some of them twice
	Early   = "early"   // behind an interim response
	Status  = "status"
	Echo    = "echo" // tells what was sent to it
)

// changed is when all that is kept was last modified.
const changed = "Mon, 02 Nov 2026 10:00:00 GMT"

// letters is what content is made of: nothing that is markup, space or a bracket.
const letters = "abcdefghijklmnopqrstuvwxyz0123456789-+"

// contentOf is that of a target: the same for the same, and worth a coding.
func contentOf(target string, size int) []byte {
	sum := sha256.Sum256([]byte(target))
	content := make([]byte, size)
	for i := range content {
		content[i] = letters[(int(sum[i%len(sum)])+i/1000)%len(letters)]
	}
	return content
}

func (Varied) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	first, _, _ := strings.Cut(rest, "/")
	size, _ := strconv.Atoi(first) // none is 0
	content := contentOf(r.URL.RequestURI(), size)
	h := w.Header()
	h["Date"] = []string{time.Now().UTC().Format(http.TimeFormat)}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(size))
	switch kind {
	case Kept, Text, Chunked:
		h.Set("Cache-Control", "max-age=86400")
		h.Set("X-Many", "a")
		h.Add("X-Many", "b")
	default:
		h.Set("Cache-Control", "no-store")
	}
	switch kind {
	case Text:
		h.Set("Content-Type", "text/plain; charset=utf-8")
		fallthrough
	case Kept:
		h.Set("Etag", fmt.Sprintf("%q", r.URL.Path))
		h.Set("Last-Modified", changed)
	case Fields:
		for i := range 20 {
			h.Add("Set-Cookie", fmt.Sprintf("c%d=%s", i, content[:min(size, 7*i)]))
			h.Set(fmt.Sprintf("X-Own-%d", i), strings.Repeat("v", 11*i))
		}
		h.Set("Link", "</a>; rel=preload")
		h.Set("X-Empty", "")
	case Early:
		w.Header().Set("Link", "</b>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
	case Status:
		h.Del("Content-Length")
		h.Set("Location", "/elsewhere")
		content = []byte(http.StatusText(size))
		w.WriteHeader(size)
	case Echo:
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		if err != nil {
			return // whoever sent it has gone
		}
		h.Set("X-Sum", fmt.Sprintf("%s %d %x %v", r.Method, n, sum.Sum(nil)[:8], r.Trailer))
	case Chunked, Flowing, Trailed:
		h.Del("Content-Length")
	}
	switch kind {
	case Chunked, Flowing:
		for piece := range 3 {
			_, _ = w.Write(content[piece*size/3 : (piece+1)*size/3]) // a reader may go
			_ = http.NewResponseController(w).Flush()                // as above
		}
	case Trailed:
		h.Set("Trailer", "X-Sum, X-Late")
		_, _ = w.Write(content)
		h.Set("X-Sum", strconv.Itoa(size))
		h.Set("X-Late", "yes")
	default:
		_, _ = w.Write(content) // as above; none where a status has none
	}
}
