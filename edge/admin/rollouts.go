package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/invalidation/driver"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// rolloutProblem is what the client is told of a rollout's error; nil for any
// other.
func rolloutProblem(err error) *adminapi.Problem {
	var field *rollout.FieldError
	var conflict *rollout.ConflictError
	switch {
	case errors.As(err, &field):
		return adminapi.BadField(field.Field, field.Reason)
	case errors.Is(err, driver.ErrOtherBody):
		return otherBody()
	case errors.As(err, &conflict):
		return adminapi.NewProblem(http.StatusConflict, conflict.Reason)
	case errors.Is(err, rollout.ErrUnknown):
		return adminapi.NewProblem(http.StatusNotFound, rollout.ErrUnknown.Error())
	case errors.Is(err, driver.ErrTooMany):
		return adminapi.NewProblem(http.StatusConflict, "there are too many rollouts, or followers of them, already")
	}
	return nil
}

// board returns where documents are taken in.
func (a *api) board() (*driver.Board, error) {
	if a.Rollouts == nil {
		return nil, adminapi.NewProblem(http.StatusNotFound, "this node takes no documents")
	}
	return a.Rollouts, nil
}

func (a *api) updateDocs(r *request) (reply, error) {
	board, err := a.board()
	if err != nil {
		return reply{}, err
	}
	again, err := repeatOf(r, "docs")
	if err != nil {
		return reply{}, err
	}
	var u adminapi.DocsUpdate
	if problem := adminapi.Decode(r.body, &u); problem != nil {
		return reply{}, problem
	}
	r.entry.Target, r.entry.Detail = names(u.Documents), "plan "+u.Plan
	if u.Plan == "" {
		r.entry.Detail = "plan " + rollout.DefaultPlan
	}
	order := driver.Order{
		Documents: adminapi.VersionsOf(u.Documents), Artifacts: u.Artifacts, Plan: u.Plan, By: r.who.Name, DryRun: u.DryRun,
	}
	if u.DryRun {
		r.entry.Detail += ", dry run"
		done, err := board.Submit(r.Context(), order)
		if err != nil {
			return reply{}, err
		}
		return accepted(done, true)
	}
	order.Key, order.Body = again.key, again.body
	// A client that goes away does not end it: it may be past the point of no return.
	done, err := board.Submit(context.WithoutCancel(r.Context()), order)
	if err != nil {
		return reply{}, err
	}
	if done.Rollout != "" {
		r.entry.Detail += ", rollout " + done.Rollout
	} else {
		r.entry.Detail += ", " + done.State
	}
	return accepted(done, false)
}

// names lists the documents of an update for the audit log.
func names(list []adminapi.DocsVersion) string {
	const most = 20
	var parts []string
	for i, v := range list {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%.64s=%d", v.ID, v.Version))
	}
	return strings.Join(parts, ", ")
}

func accepted(done driver.Submitted, dry bool) (reply, error) {
	rep := reply{status: http.StatusOK, body: adminapi.DocsAccepted{State: done.State, DryRun: dry}}
	if done.Rollout != "" && !dry {
		rep.status, rep.location = http.StatusAccepted, rolloutPath(done.Rollout)
		rep.body = adminapi.DocsAccepted{Rollout: &done.Rollout, State: done.State}
	}
	return rep, nil
}

func rolloutPath(id string) string { return "/v1/rollouts/" + url.PathEscape(id) }

func (a *api) listDocs(r *request) (reply, error) {
	board, err := a.board()
	if err != nil {
		return reply{}, err
	}
	limit, err := r.limit()
	if err != nil {
		return reply{}, err
	}
	after, err := r.after(cachekey.ValidID)
	if err != nil {
		return reply{}, err
	}
	page, next, err := board.Documents(after, limit)
	if err != nil {
		return reply{}, err
	}
	items := make([]adminapi.Document, 0, len(page))
	for _, d := range page {
		items = append(items, adminapi.DocumentOf(d))
	}
	return ok(adminapi.NewList(items, next))
}

func (a *api) listRollouts(r *request) (reply, error) {
	board, err := a.board()
	if err != nil {
		return reply{}, err
	}
	limit, err := r.limit()
	if err != nil {
		return reply{}, err
	}
	after, err := r.after(func(id string) bool {
		_, err := board.Get(id)
		return err == nil
	})
	if err != nil {
		return reply{}, err
	}
	page, next := board.List(after, limit)
	items := make([]adminapi.Rollout, 0, len(page))
	for _, v := range page {
		items = append(items, adminapi.RolloutOf(v))
	}
	return ok(adminapi.NewList(items, next))
}

func (a *api) getRollout(r *request) (reply, error) {
	board, err := a.board()
	if err != nil {
		return reply{}, err
	}
	v, err := board.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	return ok(adminapi.RolloutOf(v))
}

func (a *api) promote(r *request) (reply, error) {
	return a.command(r, rollout.Promote{By: r.who.Name})
}
func (a *api) abort(r *request) (reply, error) { return a.command(r, rollout.Abort{By: r.who.Name}) }
func (a *api) rollback(r *request) (reply, error) {
	return a.command(r, rollout.Rollback{By: r.who.Name})
}

func (a *api) command(r *request, e rollout.Event) (reply, error) {
	id := r.PathValue("id")
	r.entry.Target = fmt.Sprintf("%.64s", id)
	board, err := a.board()
	if err != nil {
		return reply{}, err
	}
	v, err := board.Command(context.WithoutCancel(r.Context()), id, e)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted, location: rolloutPath(id), body: adminapi.RolloutOf(v)}, nil
}

// The bounds of an event stream.
const (
	heartbeat    = 5 * time.Second
	eventTimeout = 10 * time.Second // to write one
	retryMS      = 500              // when a client that was cut off comes again
)

// rolloutEvents follows a rollout until it is final. Each event is the whole
// rollout, so that one that was missed does not matter, and Last-Event-ID needs
// no memory here.
func (a *api) rolloutEvents(w http.ResponseWriter, r *http.Request) {
	board, err := a.board()
	var states <-chan rollout.Rollout
	end := func() {}
	if err == nil {
		states, end, err = board.Watch(r.Context(), r.PathValue("id"))
	}
	if err != nil {
		writeProblem(w, a.problemOf(err, r))
		return
	}
	defer end()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	s := stream{w, http.NewResponseController(w)}
	// The server's bound on reading would end the request's context.
	_ = s.ctrl.SetReadDeadline(time.Time{})
	if s.send(fmt.Sprintf("retry: %d\n\n", retryMS)) != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for n := 1; ; {
		var text string
		final := false
		select {
		case <-r.Context().Done():
			return
		case <-a.quit:
			return
		case <-beat.C:
			text = ": beat\n\n"
		case v := <-states:
			var body bytes.Buffer
			e := json.NewEncoder(&body)
			e.SetEscapeHTML(false)
			if err := e.Encode(adminapi.RolloutOf(v)); err != nil {
				return
			}
			text = fmt.Sprintf("id: %d\nevent: rollout\ndata: %s\n", n, body.String()) // Encode has ended its line
			n++
			final = v.Final()
		}
		if s.send(text) != nil || final {
			return
		}
	}
}

// stream writes events.
type stream struct {
	w    http.ResponseWriter
	ctrl *http.ResponseController
}

func (s stream) send(text string) error {
	setDeadline(s.w, time.Now().Add(eventTimeout))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.ctrl.Flush()
}
