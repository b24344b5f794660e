package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
)

// Documents returns the records of all documents, by id.
func (c *Client) Documents(ctx context.Context) ([]adminapi.Document, error) {
	return list[adminapi.Document](ctx, c, "/v1/docs", 0)
}

// UpdateDocs asks for new versions of documents. With an idempotencyKey that is
// not empty it is safe to send the same update again.
func (c *Client) UpdateDocs(ctx context.Context, u adminapi.DocsUpdate, idempotencyKey string) (a adminapi.DocsAccepted, err error) {
	q := call{method: http.MethodPost, path: "/v1/docs/updates", body: u}
	if idempotencyKey != "" {
		q.header = http.Header{"Idempotency-Key": {idempotencyKey}}
	}
	_, err = c.do(ctx, q, &a)
	return a, err
}

// Rollouts returns the latest rollouts, newest first, up to most (0: all that are
// kept).
func (c *Client) Rollouts(ctx context.Context, most int) ([]adminapi.Rollout, error) {
	return list[adminapi.Rollout](ctx, c, "/v1/rollouts", most)
}

// Rollout returns a rollout.
func (c *Client) Rollout(ctx context.Context, id string) (r adminapi.Rollout, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: rolloutPath(id)}, &r)
	return r, err
}

// The commands of a rollout.
const (
	Promote  = "promote"
	Abort    = "abort"
	Rollback = "rollback"
)

// Command gives a rollout a command, and returns it as it is then.
func (c *Client) Command(ctx context.Context, id, command string) (r adminapi.Rollout, err error) {
	_, err = c.do(ctx, call{method: http.MethodPost, path: rolloutPath(id) + "/" + command}, &r)
	return r, err
}

func rolloutPath(id string) string { return "/v1/rollouts/" + url.PathEscape(id) }

// The bounds of following: a node that is not heard of for so long is taken for
// gone, and asked again that often.
const (
	silence    = 15 * time.Second
	askAgain   = 500 * time.Millisecond
	patience   = 30 * time.Second
	maxEvent   = 4 << 20
	dataPrefix = "data: "
)

// errEnough ends a stream that has said what was wanted.
var errEnough = errors.New("enough")

// Follow calls seen with each state of a rollout that comes, until seen returns
// false or the rollout is final, and returns the last. A stream that breaks is
// opened again, for as long as the node answers.
func (c *Client) Follow(ctx context.Context, id string, seen func(adminapi.Rollout) (bool, error)) (last adminapi.Rollout, err error) {
	reached := time.Now()
	for {
		err := c.events(ctx, id, func(r adminapi.Rollout) error {
			last, reached = r, time.Now()
			more, err := seen(r)
			if err == nil && (!more || r.Final) {
				err = errEnough
			}
			return err
		})
		var unreachable *UnreachableError
		switch {
		case errors.Is(err, errEnough):
			return last, nil
		case ctx.Err() != nil:
			return last, ctx.Err()
		case err != nil && (!errors.As(err, &unreachable) || last.Rollout == "" || time.Since(reached) > patience):
			return last, err
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return last, ctx.Err()
		}
	}
}

// events reads one stream of events until it ends. Errors of seen come back as
// they are.
func (c *Client) events(ctx context.Context, id string, seen func(adminapi.Rollout) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+rolloutPath(id)+"/events", nil)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	alarm := time.AfterFunc(silence, cancel) // heartbeats put it off
	defer alarm.Stop()
	res, err := c.http.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return &UnreachableError{c.Admin(), err}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxEvent)) // what there is of it
		return c.refused(res, text)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	for lines.Scan() {
		alarm.Reset(silence)
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte(dataPrefix))
		if !ok {
			continue
		}
		var r adminapi.Rollout
		if err := json.Unmarshal(data, &r); err != nil {
			return &UnreachableError{c.Admin(), fmt.Errorf("its event is no admin API's: %w", err)}
		}
		if err := seen(r); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return &UnreachableError{c.Admin(), err}
	}
	return nil
}
