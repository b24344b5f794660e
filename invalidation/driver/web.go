package driver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Web is a Door over HTTP.
type Web struct {
	Base   string // http(s)://host:port
	Client *http.Client
}

var _ Door = Web{}

// maxArtifact is the most that is read of an answer.
const maxArtifact = 16 << 20

// Get implements Door.
func (w Web) Get(ctx context.Context, target, preview string) (Reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(w.Base, "/")+target, nil)
	if err != nil {
		return Reply{}, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	if preview != "" {
		req.Header.Set("Edge-Preview", preview)
	}
	res, err := w.Client.Do(req)
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
