package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/letteros/letteredge/invalidation/rollout"
)

// Web speaks HTTP to one place: an Origin, or a Door.
type Web struct {
	Base   string // http(s)://host:port
	Client *http.Client
}

var (
	_ Origin = Web{}
	_ Door   = Web{}
)

// The most that is read of an answer.
const (
	maxIndex    = 16 << 20
	maxArtifact = 16 << 20
)

func (w Web) get(ctx context.Context, target string, fields map[string]string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(w.Base, "/")+target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	for name, value := range fields {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	return w.Client.Do(req)
}

// Index implements Origin.
func (w Web) Index(ctx context.Context) (map[string]Listed, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	res, err := w.get(ctx, "/index.json", nil)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotFound {
		return nil, ErrNoIndex
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("index: status %d", res.StatusCode)
	}
	text, err := readAll(res.Body, maxIndex)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return parseIndex(text)
}

// parseIndex reads {"artifacts":[{"path","documents","languages"}]}.
func parseIndex(text []byte) (map[string]Listed, error) {
	var list struct {
		Artifacts []struct {
			Path string `json:"path"`
			Listed
		} `json:"artifacts"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	if list.Artifacts == nil {
		return nil, errors.New("index: has no artifacts")
	}
	all := make(map[string]Listed, len(list.Artifacts))
	for _, a := range list.Artifacts {
		if _, ok := rollout.Path(a.Path); !ok {
			return nil, fmt.Errorf("index: %.200q is no path of an artifact", a.Path)
		}
		all[a.Path] = a.Listed
	}
	return all, nil
}

// Shows implements Origin.
func (w Web) Shows(ctx context.Context, path, pin string) (Shown, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	res, err := w.get(ctx, path, map[string]string{"Docs-Pin": pin})
	if err != nil {
		return Shown{}, err
	}
	defer res.Body.Close()
	s := Shown{Status: res.StatusCode}
	if res.StatusCode == http.StatusOK {
		if s.Documents, err = ParseVersions(res.Header.Get("Docs-Version")); err != nil {
			return s, fmt.Errorf("Docs-Version of %s: %w", path, err)
		}
	}
	return s, nil
}

// Get implements Door.
func (w Web) Get(ctx context.Context, target, preview string) (Reply, error) {
	res, err := w.get(ctx, target, map[string]string{"Edge-Preview": preview})
	if err != nil {
		return Reply{}, err
	}
	defer res.Body.Close()
	body, err := readAll(res.Body, maxArtifact)
	return Reply{res.StatusCode, res.Header.Get("Docs-Version"), res.Header.Get("Edge-Degraded"), body}, err
}

func readAll(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("has more than %d bytes", most)
	}
	return text, err
}
