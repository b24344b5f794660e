package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
)

// What an origin of documents may lack.
var (
	// ErrNoIndex: the origin has no index of its artifacts (404).
	ErrNoIndex = errors.New("origin has no index.json")
	// ErrAbsent: the origin has no such artifact (404, 410).
	ErrAbsent = errors.New("origin has no such artifact")
)

// IndexPath is where an origin lists its artifacts.
const IndexPath = "/index.json"

// The bounds of an index.
const (
	maxIndex          = 32 << 20 // bytes
	maxIndexArtifacts = 200_000
	maxIndexDocuments = 256 // of one artifact
	maxProbe          = 16 << 20
)

// Index asks the origin which artifacts it has, and which version of which
// documents each is rendered from, by artifact path. An index that breaks a rule
// is refused as a whole: half of one would take artifacts away. It returns
// ErrNoIndex if the origin has none.
func (o *Origin) Index(ctx context.Context) (map[string]map[string]int64, error) {
	body, _, err := o.get(ctx, IndexPath, maxIndex, ErrNoIndex)
	if err != nil {
		return nil, fmt.Errorf("index of %s: %w", o.base.Host, err)
	}
	index, err := parseIndex(body)
	if err != nil {
		return nil, fmt.Errorf("index of %s: %w", o.base.Host, err)
	}
	return index, nil
}

// Shows asks the origin for an artifact as it is now, without pins and past all
// caches, and returns the versions that it was rendered from. No reader sees the
// answer. It returns ErrAbsent if the origin has no such artifact.
func (o *Origin) Shows(ctx context.Context, path string) (map[string]int64, error) {
	_, fields, err := o.get(ctx, path, maxProbe, ErrAbsent)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", path, o.base.Host, err)
	}
	versions := ""
	for _, f := range fields {
		if f.Name == "Docs-Version" {
			if versions != "" {
				versions += ", "
			}
			versions += f.Value
		}
	}
	all, err := edge.ParseVersions(versions)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", path, o.base.Host, err)
	}
	return all, nil
}

// get asks for a target; absent is the error of a 404 or 410.
func (o *Origin) get(ctx context.Context, target string, limit int64, absent error) ([]byte, []edge.Field, error) {
	a, err := o.Fetch(ctx, &edge.Fetch{Method: http.MethodGet, Target: target, Fields: []edge.Field{{Name: "Cache-Control", Value: "no-cache"}}})
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(a.Body, limit+1))
	err = errors.Join(err, a.Body.Close())
	switch {
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone:
		return nil, nil, absent
	case a.Status != http.StatusOK:
		return nil, nil, fmt.Errorf("%w: %d, 200 is needed", ErrStatus, a.Status)
	case err != nil:
		return nil, nil, err
	case int64(len(body)) > limit:
		return nil, nil, fmt.Errorf("the answer has more than %d bytes", limit)
	}
	return body, a.Fields, nil
}

// parseIndex reads {"artifacts":[{"path":…,"documents":{id:version}}]}. Members of
// other names are passed over; those that come twice are refused: readers differ
// in which of the two counts.
func parseIndex(body []byte) (map[string]map[string]int64, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	index := map[string]map[string]int64{}
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
			path, documents, err := readArtifact(d)
			if err != nil {
				return fmt.Errorf("artifacts[%d]: %w", len(index), err)
			}
			if _, twice := index[path]; twice {
				return fmt.Errorf("artifacts: %s stands twice", path)
			}
			index[path] = documents
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

func readArtifact(d *json.Decoder) (path string, documents map[string]int64, err error) {
	err = object(d, func(name string) error {
		switch name {
		case "path":
			if err := d.Decode(&path); err != nil {
				return fmt.Errorf("path: %w", err)
			}
			key, err := cachekey.ParseText(path)
			if err != nil || !key.IsArtifact() || key.Lang != "" || key.Kind == cachekey.Summary {
				return fmt.Errorf("path: %q is none of a CTA, a Proof or a Campaign", path)
			}
			return nil
		case "documents":
			documents = map[string]int64{}
			return object(d, func(id string) error {
				var v int64
				if err := d.Decode(&v); err != nil || v <= 0 || !cachekey.ValidID(id) {
					return fmt.Errorf("documents: %q: an id [a-z][a-z0-9_-]{0,63} and a whole number above 0 are needed", id)
				}
				if len(documents) == maxIndexDocuments {
					return fmt.Errorf("documents: at most %d are allowed", maxIndexDocuments)
				}
				documents[id] = v
				return nil
			})
		}
		return skip(d)
	})
	if err == nil && (path == "" || len(documents) == 0) {
		err = errors.New("path and documents are required")
	}
	return path, documents, err
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
