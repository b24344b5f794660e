package precompute

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/letteros/letteredge/cachekey"
)

// Part is an artifact as the node would serve it now.
type Part struct {
	Status int
	Body   []byte
	Tags   []string
	Vary   []string      // the request fields that selected it
	Fresh  time.Duration // how much longer it is fresh; ≤ 0 if it is stale
	SWR    time.Duration // how long after that it may be served while it is refreshed
	SIE    time.Duration // how long after that it may be served if the origin fails
	Age    time.Duration
	// CacheControl is what the part tells clients.
	CacheControl string
	// NoCache: every use needs a validation, so what it is part of is not stored.
	NoCache bool
}

// Fetch obtains a part, from the cache or beyond. All calls of one build are
// bound to one snapshot of targets. With validate set a stored copy is not taken
// at its word, however fresh.
type Fetch func(ctx context.Context, key cachekey.Key, validate bool) (Part, error)

// Summary is the outcome of a build.
type Summary struct {
	// Status is 200, or what the CTA answered where that was not 200: then Body
	// is the CTA's.
	Status   int
	Body     []byte
	Versions map[string]int64
	Tags     []string
	Vary     []string
	Lang     string
	Fresh    time.Duration
	SWR, SIE time.Duration
	Age      time.Duration // of its oldest part
	// CacheControl is what the CTA tells clients.
	CacheControl string
	// Light says that proofs are missing which could not be had: show it, do not
	// keep it.
	Light   bool
	NoStore bool
}

// DefaultMaxProofs bounds the proofs of a Summary.
const DefaultMaxProofs = 8

// Compose builds the Summary of key. At most maxProofs proofs enter, the first
// that the CTA names: its origin lists the best first. The error says that the
// CTA itself could not be had.
//
// Where no document is managed, stored parts may have been rendered from
// different versions of one document. They are never shown together: such a
// build starts again with every part validated.
func Compose(ctx context.Context, key cachekey.Key, maxProofs int, fetch Fetch) (*Summary, error) {
	s, mixed, err := compose(ctx, key, maxProofs, fetch, false)
	if err == nil && mixed {
		s, _, err = compose(ctx, key, maxProofs, fetch, true)
	}
	if err != nil {
		return nil, fmt.Errorf("compose %s: %w", key.Text, err)
	}
	return s, nil
}

func compose(ctx context.Context, key cachekey.Key, maxProofs int, fetch Fetch, validate bool) (_ *Summary, mixed bool, _ error) {
	ctaKey, err := cachekey.Artifact(cachekey.CTA, key.Segment, key.CTA, key.CTA, key.Lang)
	if err != nil {
		return nil, false, err
	}
	cta, err := fetch(ctx, ctaKey, validate)
	if err != nil {
		return nil, false, err
	}
	s := &Summary{Status: cta.Status, Versions: map[string]int64{}, CacheControl: cta.CacheControl}
	s.take(cta)
	if cta.Status != 200 {
		s.Body = cta.Body
		return s, false, nil
	}
	var doc parts
	if err := json.Unmarshal(cta.Body, &doc); err != nil {
		return nil, false, fmt.Errorf("the CTA's body: %w", err)
	}
	s.Lang = doc.Lang
	maps.Copy(s.Versions, doc.Documents)
	proofs := make([]json.RawMessage, 0, len(doc.ProofIDs))
	for _, id := range doc.ProofIDs[:min(len(doc.ProofIDs), maxProofs)] {
		proofKey, err := cachekey.Artifact(cachekey.Proof, key.Segment, key.CTA, id, key.Lang)
		if err != nil { // an id that no proof can have: the CTA's fault, and no reason to show nothing
			s.Light = true
			continue
		}
		// The tag belongs to the Summary whether or not the proof is there: one
		// that comes back must be able to purge what was made without it.
		s.Tags = proofKey.AppendTags(s.Tags)
		p, err := fetch(ctx, proofKey, validate)
		if err != nil {
			s.Light = true
			continue
		}
		raw, differs := s.add(p)
		mixed = mixed || differs
		if raw != nil {
			proofs = append(proofs, raw)
		}
	}
	slices.Sort(s.Tags)
	s.Tags = slices.Compact(s.Tags)
	s.Body, err = render(cta.Body, proofs, s.Versions)
	return s, mixed, err
}

// add takes a proof into the Summary and returns what to show of it: nothing if
// it is gone, could not be had, or does not fit the versions taken so far.
func (s *Summary) add(p Part) (raw json.RawMessage, mixed bool) {
	switch {
	case p.Status == 404 || p.Status == 410:
		// It is not there, and that is final: the Summary is whole without it,
		// and fresh as long as what it shows. Its tag stays, for its return.
		return nil, false
	case p.Status != 200:
		s.Light = true
		return nil, false
	}
	var doc parts
	if json.Unmarshal(p.Body, &doc) != nil {
		s.Light = true
		return nil, false
	}
	for id, v := range doc.Documents {
		if have, ok := s.Versions[id]; ok && have != v {
			s.Light = true
			return nil, true
		}
	}
	maps.Copy(s.Versions, doc.Documents)
	s.take(p)
	return p.Body, false
}

// parts is what a build reads of a CTA, and of a Proof.
type parts struct {
	Lang      string           `json:"lang"`
	ProofIDs  []string         `json:"proof_ids"`
	Documents map[string]int64 `json:"documents"`
}

// take lets a part bound the freshness of the whole and adds its tags.
func (s *Summary) take(p Part) {
	first := s.Tags == nil
	if first || p.Fresh < s.Fresh {
		s.Fresh = p.Fresh
	}
	if first || p.SWR < s.SWR {
		s.SWR = p.SWR
	}
	if first || p.SIE < s.SIE {
		s.SIE = p.SIE
	}
	s.Age = max(s.Age, p.Age)
	s.NoStore = s.NoStore || p.NoCache
	if s.Tags == nil {
		s.Tags = []string{}
	}
	s.Tags = append(s.Tags, p.Tags...)
	for _, v := range p.Vary {
		if !slices.Contains(s.Vary, v) {
			s.Vary = append(s.Vary, v)
		}
	}
}

// render makes the Summary's JSON: the CTA's, with kind and documents of the
// whole and the proofs themselves. Members are in order of name, so that equal
// parts give equal bytes on every node.
func render(cta []byte, proofs []json.RawMessage, versions map[string]int64) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(cta, &members); err != nil {
		return nil, err
	}
	members["kind"] = json.RawMessage(`"summary"`)
	for name, v := range map[string]any{"documents": versions, "proofs": proofs} {
		raw, err := encode(v)
		if err != nil {
			return nil, err
		}
		members[name] = raw
	}
	return encode(members)
}

// encode is json.Marshal without escaping what HTML would need: html members
// stay readable and the same as in the parts.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// DocsVersion is the value of the Docs-Version field for versions, in order of
// id.
func DocsVersion(versions map[string]int64) string {
	var b strings.Builder
	for i, id := range slices.Sorted(maps.Keys(versions)) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(id)
		b.WriteByte('=')
		b.WriteString(strconv.FormatInt(versions[id], 10))
	}
	return b.String()
}
