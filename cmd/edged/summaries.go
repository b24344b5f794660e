package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/precompute"
)

// summaries lets precompute build for the core: the one place where the two
// meet.
type summaries struct {
	keeper *precompute.Keeper
	now    func() time.Time
}

var _ edge.Builder = (*summaries)(nil)

// Build composes a Summary and answers as an upstream would.
func (s *summaries) Build(ctx context.Context, b *edge.Build) (*edge.Answer, error) {
	begin := s.now()
	sum, err := precompute.Compose(ctx, b.Key, precompute.DefaultMaxProofs, func(ctx context.Context, key cachekey.Key, validate bool) (precompute.Part, error) {
		slot, err := b.Part(ctx, key, validate)
		if err != nil {
			return precompute.Part{}, err
		}
		fresh, age := slot.Remaining(s.now())
		return precompute.Part{
			Status: slot.Art.Status, Body: slot.Art.Body, Tags: slot.Tags(), Vary: slot.Vary(),
			Fresh: fresh, SWR: slot.Rules.SWR, SIE: slot.Rules.SIE, Age: age,
			CacheControl: slot.Art.Get("Cache-Control"), NoCache: slot.Rules.NoCache || !slot.Rules.Storable,
		}, nil
	})
	if err != nil {
		return nil, err
	}
	if sum.Status == 200 {
		s.keeper.Note(b.Key, b.Fields.Combined("Accept-Language"), sum.Tags)
	}
	return s.answer(sum, begin), nil
}

func (s *summaries) answer(sum *precompute.Summary, begin time.Time) *edge.Answer {
	a := &edge.Answer{
		Status: sum.Status, Body: io.NopCloser(bytes.NewReader(sum.Body)), Length: int64(len(sum.Body)),
		RequestAt: begin, ResponseAt: s.now(),
	}
	add := func(name, value string) { a.Fields = append(a.Fields, edge.Field{Name: name, Value: value}) }
	if sum.Status == 200 {
		add("Content-Type", "application/json")
		add("Docs-Version", precompute.DocsVersion(sum.Versions))
		add("Content-Language", sum.Lang)
	} else {
		add("Content-Type", "application/problem+json")
	}
	add("Cache-Groups", `"`+strings.Join(sum.Tags, `", "`)+`"`)
	if len(sum.Vary) > 0 {
		add("Vary", strings.Join(sum.Vary, ", "))
	}
	add("Date", begin.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	seconds := func(d time.Duration) int64 { return max(0, int64(d/time.Second)) }
	switch {
	case sum.Light:
		a.Degraded = "light"
		fallthrough
	case sum.NoStore:
		add("Cache-Control", "no-store")
	default:
		if sum.CacheControl != "" {
			add("Cache-Control", sum.CacheControl)
		}
		add("Age", fmt.Sprint(seconds(sum.Age)))
		add("Cdn-Cache-Control", fmt.Sprintf("max-age=%d, stale-while-revalidate=%d, stale-if-error=%d",
			seconds(sum.Age)+seconds(sum.Fresh), seconds(sum.SWR), seconds(sum.SIE)))
	}
	return a
}
