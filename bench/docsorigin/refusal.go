package docsorigin

import (
	"fmt"
	"net/http"
)

// refusal is an answer that is an error, with a sentence for whoever asked.
type refusal struct {
	status int
	detail string
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// reply is the refusal as problem details (RFC 9457). It is not stored: what
// is missing now may be there after the next edit, and no purge would know.
func (r *refusal) reply() *reply {
	body, err := encode(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(r.status), r.status, r.detail})
	if err != nil {
		body = nil // strings and numbers always encode
	}
	h := http.Header{}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	return &reply{status: r.status, header: h, body: body}
}
