package admin

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/quota"
)

const (
	artifacts = "/v1/segments/"
	maxURL    = 8 << 10
)

func (a *api) explain(r *request) (reply, error) {
	text := r.query.Get("url")
	if text == "" || len(text) > maxURL {
		return reply{}, adminapi.BadParameter("url", "must be http(s)://host/path, host/path or /path, of at most 8 KiB")
	}
	if scheme, _, ok := strings.Cut(text, "://"); ok && !strings.ContainsAny(scheme, "/?") && !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return reply{}, adminapi.BadParameter("url", "must be http(s)://host/path, host/path or /path, of at most 8 KiB")
	}
	host, target := splitURL(text)
	if r.query.Has("segment") {
		s := r.query.Get("segment")
		if !cachekey.ValidID(s) {
			return reply{}, adminapi.BadParameter("segment", "must match [a-z][a-z0-9_-]{0,63}")
		}
		_, rest, found := strings.Cut(strings.TrimPrefix(target, artifacts), "/")
		if !strings.HasPrefix(target, artifacts) || !found {
			return reply{}, adminapi.BadParameter("segment", "goes only with the URL of an artifact, "+artifacts+"…")
		}
		target = artifacts + s + "/" + rest
	}
	hostless := host == "" && !strings.HasPrefix(target, artifacts)
	if host == "" {
		host = "localhost" // requests have one; the keys of artifacts do not
	}
	e, err := a.Explain.Explain(host, target, noFields{})
	var key *cachekey.Error
	if errors.As(err, &key) && !(hostless && key.Status == http.StatusNotFound) {
		return reply{}, adminapi.BadParameter("url", fmt.Sprintf("is answered %d: %s %s", key.Status, key.Field, key.Reason))
	}
	if hostless {
		return reply{}, adminapi.BadParameter("url", "needs a host, as its path is no artifact's: write host/path")
	}
	if err != nil {
		return reply{}, err
	}
	out := adminapi.Explanation{
		URL: "http://" + host + target, Key: e.Key.Text, Kind: e.Key.Kind.String(), Route: e.Route, Segment: cmp.Or(e.Quota, quota.Default),
		Tags: e.Key.AppendTags([]string{}), Cached: e.Outcome != "miss", State: e.Outcome, Why: e.Why, Stored: make([]adminapi.StoredCopy, 0, len(e.Copies)),
	}
	for _, c := range e.Copies {
		s := c.Slot
		out.Stored = append(out.Stored, adminapi.StoredCopy{
			Variant: s.Variant(), Vector: s.Vector, Status: s.Art.Status, Bytes: len(s.Art.Body),
			Age: seconds(c.Age), TTL: seconds(c.TTL), Purge: s.Stamp.State().String(),
			Tags: s.AppendTags([]string{}), ETag: s.Art.ETag(), Received: s.ReceivedAt.UTC().Format(time.RFC3339Nano),
		})
	}
	if len(out.Stored) > 0 {
		out.Age, out.TTL = &out.Stored[0].Age, &out.Stored[0].TTL
	}
	return ok(out)
}

// seconds rounds down: what is stale by less than a second has a TTL of -1.
func seconds(d time.Duration) int64 { return int64(math.Floor(d.Seconds())) }

// splitURL takes a URL apart as a client would for its request: the authority,
// and the rest as it stands, without a fragment.
func splitURL(text string) (host, target string) {
	text, _, _ = strings.Cut(text, "#")
	for _, scheme := range []string{"http://", "https://"} {
		if len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
			text = text[len(scheme):]
			break
		}
	}
	at := strings.IndexAny(text, "/?")
	if at < 0 {
		return text, "/"
	}
	if text[at] == '?' {
		return text[:at], "/" + text[at:]
	}
	return text[:at], text[at:]
}

// noFields are the fields of a request that has none.
type noFields struct{}

var _ edge.Fields = noFields{}

func (noFields) Get(string) string                 { return "" }
func (noFields) Has(string) bool                   { return false }
func (noFields) Combined(string) string            { return "" }
func (noFields) Each(string, func(string) bool)    {}
func (noFields) All(func(name, value string) bool) {}
