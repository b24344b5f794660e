package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/letteros/letteredge/gossip"
)

// The keys of the control log's records.
const (
	DocumentKey  = "doc/"      // and the id
	RolloutKey   = "rollout/"  // and the id
	ArtifactsKey = "artifacts" // the Index of the last release
)

// Concerns reports whether a record of that key says something about documents.
func Concerns(key string) bool {
	return key == ArtifactsKey || strings.HasPrefix(key, DocumentKey) || strings.HasPrefix(key, RolloutKey)
}

// read decodes a record; one that is not there gives the zero value.
func read[T any](rec gossip.Record) (v T, err error) {
	if rec.Deleted || len(rec.Value) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(rec.Value, &v); err != nil {
		return v, fmt.Errorf("record %s: %w", rec.Key, err)
	}
	return v, nil
}

// ReadDocument decodes a document's record.
func ReadDocument(rec gossip.Record) (Document, error) { return read[Document](rec) }

// ReadRollout decodes a rollout's record.
func ReadRollout(rec gossip.Record) (Rollout, error) {
	r, err := read[Rollout](rec)
	if err == nil && !r.wellFormed() {
		err = fmt.Errorf("record %s: its stages are not those of a rollout", rec.Key)
	}
	if err != nil {
		return Rollout{}, err
	}
	return r, nil
}

// wellFormed reports whether r is what the machine works on: no stages, or all
// of them, one of which is under way.
func (r Rollout) wellFormed() bool {
	if len(r.Stages) == 0 {
		return r.State != Running && r.State != Paused && r.State != Done
	}
	names := []StageName{Edge, Regional, Global}
	if len(r.Stages) != len(names) || !slices.Contains(names, r.Stage) {
		return false
	}
	for i, s := range r.Stages {
		if s.Stage != names[i] || s.Wave < 0 {
			return false
		}
	}
	return true
}

// ReadIndex decodes the index' record; nil if there is none.
func ReadIndex(rec gossip.Record) (Index, error) { return read[Index](rec) }

// Keys are those of all records that change together with r.
func (r Rollout) Keys() []string {
	keys := []string{RolloutKey + r.ID, ArtifactsKey}
	for _, v := range r.Documents {
		keys = append(keys, DocumentKey+v.ID)
	}
	return keys
}

// ReadBook decodes what r concerns from records that Keys names.
func ReadBook(r Rollout, now map[string]gossip.Record) (Book, error) {
	b := Book{Documents: make(map[string]Document, len(r.Documents))}
	var err error
	if b.Index, err = ReadIndex(now[ArtifactsKey]); err != nil {
		return b, err
	}
	for _, v := range r.Documents {
		if b.Documents[v.ID], err = ReadDocument(now[DocumentKey+v.ID]); err != nil {
			return b, err
		}
	}
	return b, nil
}

// Puts are the changes that make the records of b those of next, and r's own.
func Puts(r Rollout, b, next Book) ([]gossip.Put, error) {
	own, err := put(RolloutKey+r.ID, r)
	if err != nil {
		return nil, err
	}
	puts := []gossip.Put{own}
	for _, v := range r.Documents {
		p, err := put(DocumentKey+v.ID, next.Documents[v.ID])
		if err != nil {
			return nil, err
		}
		if old, err := put("", b.Documents[v.ID]); err != nil || string(old.Value) != string(p.Value) {
			puts = append(puts, p)
		}
	}
	if next.Index != nil {
		p, err := put(ArtifactsKey, next.Index)
		if err != nil {
			return nil, err
		}
		if old, err := put("", b.Index); err != nil || string(old.Value) != string(p.Value) {
			puts = append(puts, p)
		}
	}
	return puts, nil
}

func put(key string, v any) (gossip.Put, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return gossip.Put{}, fmt.Errorf("write record %s: %w", key, err)
	}
	return gossip.Put{Key: key, Value: value}, nil
}
