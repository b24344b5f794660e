package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/letteros/letteredge/edge/adminapi"
)

const maxKey = 255 // bytes of an Idempotency-Key

// repeat is how a request is known again that is sent a second time, through any
// node: digests of its key and of its body. Both are empty if it has no key.
type repeat struct{ key, body string }

// repeatOf reads the request's Idempotency-Key. It is scoped to the principal,
// as one client must neither learn nor block another's, and to the operation.
func repeatOf(r *request, operation string) (repeat, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return repeat{}, nil
	}
	key := strings.TrimSpace(values[0])
	if len(values) > 1 || key == "" || len(key) > maxKey ||
		strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return repeat{}, adminapi.BadHeader("Idempotency-Key", "must be 1 to 255 visible ASCII characters, given once")
	}
	// No part holds a zero byte.
	return repeat{fingerprint(operation + "\x00" + r.who.Name + "\x00" + key), fingerprint(string(r.body))}, nil
}

func fingerprint(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// otherBody is what a request is told whose key was that of another.
func otherBody() *adminapi.Problem {
	p := adminapi.BadHeader("Idempotency-Key", "was used with another body; a new request takes a new key")
	p.Status, p.Title = http.StatusUnprocessableEntity, http.StatusText(http.StatusUnprocessableEntity)
	return p
}
