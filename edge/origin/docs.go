package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation/driver"
	"github.com/letteros/letteredge/invalidation/rollout"
)

var (
	_ driver.Origin = (*Origin)(nil)
	_ driver.Origin = (*Pool)(nil)
)

// catalogue asks an origin what artifacts it has, of whichever of its servers.
type catalogue struct {
	up   edge.Upstream
	host string
}

// IndexPath is where an origin lists its artifacts.
const IndexPath = "/index.json"

// The bounds of an index.
const (
	maxIndex          = 32 << 20 // bytes
	maxIndexArtifacts = 200_000
	maxIndexDocuments = 256 // of one artifact
	maxIndexLanguages = 64  // of one artifact
	maxProbe          = 16 << 20
)

// Index asks the origin which artifacts it has, which version of which documents
// each is rendered from, and in which languages it is, by artifact path. An index
// that breaks a rule is refused as a whole: half of one would take artifacts away.
// It returns driver.ErrNoIndex if the origin has none.
func (o catalogue) Index(ctx context.Context) (map[string]driver.Listed, error) {
	a, body, err := o.get(ctx, IndexPath, "", maxIndex)
	switch {
	case err != nil:
	case gone(a.Status):
		err = driver.ErrNoIndex
	case a.Status != http.StatusOK:
		err = fmt.Errorf("%w: %d, 200 is needed", ErrStatus, a.Status)
	default:
		var index map[string]driver.Listed
		if index, err = parseIndex(body); err == nil {
			return index, nil
		}
	}
	return nil, fmt.Errorf("index of %s: %w", o.host, err)
}

// Shows asks the origin for an artifact past all caches: as it is now, or, with a
// pin, in the versions that it names. It returns the versions that the answer was
// rendered from. No reader sees the answer.
func (o catalogue) Shows(ctx context.Context, path, pin string) (driver.Shown, error) {
	a, _, err := o.get(ctx, path, pin, maxProbe)
	if err != nil {
		return driver.Shown{}, fmt.Errorf("%s at %s: %w", path, o.host, err)
	}
	s := driver.Shown{Status: a.Status}
	if a.Status != http.StatusOK {
		return s, nil
	}
	var versions []string
	for _, f := range a.Fields {
		if f.Name == "Docs-Version" {
			versions = append(versions, f.Value)
		}
	}
	if s.Documents, err = edge.ParseVersions(strings.Join(versions, ", ")); err != nil {
		return s, fmt.Errorf("%s at %s: %w", path, o.host, err)
	}
	return s, nil
}

func gone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// get asks for a target, in the versions of pin if that is not empty.
func (o catalogue) get(ctx context.Context, target, pin string, limit int64) (*edge.Answer, []byte, error) {
	a, err := o.up.Fetch(ctx, &edge.Fetch{Method: http.MethodGet, Target: target, Vector: pin, Fields: []edge.Field{{Name: "Cache-Control", Value: "no-cache"}}})
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(a.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("the answer has more than %d bytes", limit)
	}
	return a, body, errors.Join(err, a.Body.Close())
}

// parseIndex reads {"artifacts":[{"path":…,"documents":{id:version},"languages":[…]}]}
// (languages may be left out). Members of other names are passed over; those that come twice are refused: readers differ
// in which of the two counts.
func parseIndex(body []byte) (map[string]driver.Listed, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	index := map[string]driver.Listed{}
	there := false
	err := object(d, func(name string) error {
		if name != "artifacts" {
			return skip(d)
		}
		there = true
		return array(d, func() error {
			if len(index) == maxIndexArtifacts {
				return fmt.Errorf("artifacts: at most %d are allowed", maxIndexArtifacts)
			}
			path, listed, err := readArtifact(d)
			if err != nil {
				return fmt.Errorf("artifacts[%d]: %w", len(index), err)
			}
			if _, twice := index[path]; twice {
				return fmt.Errorf("artifacts: %s stands twice", path)
			}
			index[path] = listed
			return nil
		})
	})
	if err == nil && !there {
		err = errors.New("artifacts: is required")
	}
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one JSON value")
		}
	}
	if err != nil {
		return nil, err
	}
	return index, nil
}

func readArtifact(d *json.Decoder) (path string, listed driver.Listed, err error) {
	err = object(d, func(name string) error {
		switch name {
		case "path":
			if err := d.Decode(&path); err != nil {
				return fmt.Errorf("path: %w", err)
			}
			if _, ok := rollout.Path(path); !ok {
				return fmt.Errorf("path: %q is none of a CTA, a Proof or a Campaign", path)
			}
			return nil
		case "documents":
			listed.Documents, err = readDocuments(d)
			return err
		case "languages":
			listed.Languages, err = readLanguages(d)
			return err
		}
		return skip(d)
	})
	if err == nil && (path == "" || len(listed.Documents) == 0) {
		err = errors.New("path and documents are required")
	}
	return path, listed, err
}

func readDocuments(d *json.Decoder) (map[string]int64, error) {
	documents := map[string]int64{}
	err := object(d, func(id string) error {
		var v int64
		if err := d.Decode(&v); err != nil || v <= 0 || v > rollout.MaxVersion || !cachekey.ValidID(id) {
			return fmt.Errorf("documents: %q: an id [a-z][a-z0-9_-]{0,63} and a whole number from 1 to %d are needed", id, int64(rollout.MaxVersion))
		}
		if len(documents) == maxIndexDocuments {
			return fmt.Errorf("documents: at most %d are allowed", maxIndexDocuments)
		}
		documents[id] = v
		return nil
	})
	return documents, err
}

func readLanguages(d *json.Decoder) ([]string, error) {
	var languages []string
	err := array(d, func() error {
		var l string
		if err := d.Decode(&l); err != nil || l == "" || len(l) > cachekey.MaxLang {
			return fmt.Errorf("languages: %q: a text of 1 to %d bytes is needed", l, cachekey.MaxLang)
		}
		if len(languages) == maxIndexLanguages {
			return fmt.Errorf("languages: at most %d are allowed", maxIndexLanguages)
		}
		languages = append(languages, l)
		return nil
	})
	return languages, err
}

// object reads an object; member is called behind each name.
func object(d *json.Decoder, member func(name string) error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("a JSON object is needed")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // a name is all that the grammar allows here
		if seen[name] {
			return fmt.Errorf("%q stands twice", name)
		}
		seen[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func skip(d *json.Decoder) error {
	var passed json.RawMessage
	return d.Decode(&passed)
}

func array(d *json.Decoder, item func() error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.New("a JSON array is needed")
	}
	for d.More() {
		if err := item(); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}
