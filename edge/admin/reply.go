package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/invalidation"
	"github.com/letteros/letteredge/quota"
)

// reply is what an operation answers.
type reply struct {
	status         int
	etag, location string // fields; "" for none
	body           any    // nil for none
}

func ok(body any) (reply, error) { return reply{status: http.StatusOK, body: body}, nil }

func (rep reply) write(w http.ResponseWriter) {
	if rep.etag != "" {
		w.Header().Set("ETag", rep.etag)
	}
	if rep.location != "" {
		w.Header().Set("Location", rep.location)
	}
	if rep.body == nil {
		w.WriteHeader(rep.status)
		return
	}
	writeJSON(w, rep.status, "application/json", rep.body)
}

// retryAfter is what a 503 says: by then voters have found a leader, if they can.
const retryAfter = "2"

func writeProblem(w http.ResponseWriter, p *adminapi.Problem) {
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	writeJSON(w, p.Status, adminapi.ProblemType, p)
}

func writeJSON(w http.ResponseWriter, status int, mediaType string, body any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)                 // it is read by people, and never as HTML: nosniff
	if err := e.Encode(body); err != nil { // a body of ours that is no JSON: nothing the client did
		status, mediaType = http.StatusInternalServerError, adminapi.ProblemType
		text.Reset()
		text.WriteString(`{"type":"about:blank","title":"Internal Server Error","status":500}`)
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	// The client is gone if this fails; there is nobody to tell.
	_, _ = w.Write(text.Bytes())
}

// problemOf turns an operation's error into what the client is told. What is no
// fault of the request is logged; its detail stays in the log.
func (a *api) problemOf(err error, r *http.Request) *adminapi.Problem {
	var problem *adminapi.Problem
	var invalid quota.ErrInvalid
	var key *cachekey.Error
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &invalid):
		switch invalid.Field {
		case "body":
			return adminapi.BadField("", invalid.Reason)
		case "If-Match", "If-None-Match":
			return adminapi.BadHeader(invalid.Field, invalid.Reason)
		case "after", "limit":
			return adminapi.BadParameter(invalid.Field, invalid.Reason)
		}
		name := invalid.Field
		if bare, err := strconv.Unquote(name); err == nil { // an unknown one
			name = bare
		}
		return adminapi.BadField(name, invalid.Reason)
	case errors.As(err, &key):
		return adminapi.BadField(key.Field, key.Reason)
	case tokenProblem(err) != nil:
		return tokenProblem(err)
	case rolloutProblem(err) != nil:
		return rolloutProblem(err)
	case errors.Is(err, quota.ErrNotFound), errors.Is(err, invalidation.ErrUnknownPurge):
		return adminapi.NewProblem(http.StatusNotFound, publicText(err))
	case errors.Is(err, quota.ErrPreconditionFailed):
		return adminapi.NewProblem(http.StatusPreconditionFailed, publicText(err))
	case errors.Is(err, invalidation.ErrOtherBody):
		return otherBody()
	case errors.Is(err, quota.ErrTooMany):
		return adminapi.NewProblem(http.StatusConflict, publicText(err))
	case errors.Is(err, quota.ErrNoQuorum):
		return adminapi.NewProblem(http.StatusServiceUnavailable, publicText(err)+"; try again, the change may have been made nevertheless")
	}
	a.Logger.Error("admin request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	if errors.Is(err, invalidation.ErrNotDurable) || errors.Is(err, invalidation.ErrClosed) {
		return adminapi.NewProblem(http.StatusServiceUnavailable, publicText(err)+"; nothing was purged")
	}
	return adminapi.NewProblem(http.StatusInternalServerError, "the node could not do it; nothing was changed; see its log")
}

// publicText is the sentence of the sentinel within err, without what it wraps.
func publicText(err error) string {
	for _, sentinel := range []error{
		quota.ErrNotFound, quota.ErrPreconditionFailed, quota.ErrTooMany, quota.ErrNoQuorum,
		invalidation.ErrUnknownPurge, invalidation.ErrNotDurable, invalidation.ErrClosed,
	} {
		if errors.Is(err, sentinel) {
			return sentinel.Error()
		}
	}
	return ""
}
