package admin

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/audit"
	"github.com/letteros/letteredge/edge/auth"
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// request is one call of an operation.
type request struct {
	*http.Request
	who   auth.Principal
	body  []byte
	query url.Values
	// entry is what the audit log will say of a write; the operation adds target
	// and detail.
	entry audit.Entry
}

// read takes in the body and the query, and refuses what the operation does not
// know.
func (r *request) read(w http.ResponseWriter, e endpoint) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return adminapi.NewProblem(http.StatusBadRequest, "the query is malformed: write name=value pairs, percent-encoded")
	}
	for name, values := range query {
		known := slices.ContainsFunc(e.Parameters, func(p adminapi.Parameter) bool { return p.In == "query" && p.Name == name })
		switch {
		case !known:
			return adminapi.BadParameter(fmt.Sprintf("%.64s", name), "is not a parameter here; allowed are "+parameters(e))
		case len(values) > 1:
			return adminapi.BadParameter(name, "is given twice")
		}
	}
	r.query = query
	if e.Body == nil {
		return nil
	}
	if err := jsonBody(r.Header); err != nil {
		return err
	}
	r.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return adminapi.NewProblem(http.StatusRequestEntityTooLarge, "the body must be at most 1 MiB")
	}
	if err != nil {
		return adminapi.NewProblem(http.StatusBadRequest, "the body ended early")
	}
	return nil
}

func parameters(e endpoint) string {
	var names []string
	for _, p := range e.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// jsonBody refuses a body that says it is something else; see DESIGN.md.
func jsonBody(h http.Header) error {
	field := h.Get("Content-Type")
	if field == "" {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(field)
	if err == nil && (mediaType == "application/json" || strings.HasSuffix(mediaType, "+json") || mediaType == "application/x-www-form-urlencoded") {
		return nil
	}
	p := adminapi.BadHeader("Content-Type", "must be application/json")
	p.Status, p.Title = http.StatusUnsupportedMediaType, http.StatusText(http.StatusUnsupportedMediaType)
	return p
}

// limit is the number of items on a page that the request asks for.
func (r *request) limit() (int, error) {
	const most, usual = 1000, 100
	text := r.query.Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, adminapi.BadParameter("limit", "must be a whole number from 1 to 1000")
	}
	return n, nil
}

// after is the cursor of the page before, "" on the first page. known reports
// whether a page can have given it.
func (r *request) after(known func(cursor string) bool) (string, error) {
	cursor := r.query.Get("after")
	if r.query.Has("after") && (cursor == "" || !known(cursor)) {
		return "", adminapi.BadParameter("after", "must be the next of the page before, and that is not, or no longer, known here; begin with the first page")
	}
	return cursor, nil
}

// header returns all values of a request field, joined.
//
// A field that is there and empty is a blank: a condition that a script forgot
// to fill in is no absent one.
func (r *request) header(name string) string {
	lines := r.Header.Values(name)
	if len(lines) > 0 && strings.Join(lines, "") == "" {
		return " "
	}
	return strings.Join(lines, ", ")
}
