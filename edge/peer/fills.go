package peer

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/gossip"
)

// Source answers fetches of other nodes from this node's cache: edge.Core.
type Source interface {
	// ServePeer answers as a reader would be answered, asking no further peer. An
	// error means that the asker has to ask the origin itself.
	ServePeer(ctx context.Context, f *edge.Fetch) (*edge.Answer, error)
}

// Fills answers askers. applied is what this node has applied.
func (s *Server) Fills(source Source, applied func() gossip.Vector) {
	s.stream(FillPath, func(w http.ResponseWriter, r *http.Request, _ gossip.Member, body []byte) error {
		var a ask
		if err := json.Unmarshal(body, &a); err != nil {
			return &StatusError{http.StatusBadRequest, err.Error()}
		}
		key, err := cachekey.ParseText(a.Key)
		if err != nil {
			return &StatusError{http.StatusBadRequest, "key: " + err.Error()}
		}
		// Whoever has not seen a purge must not answer one who has: the purged copy
		// would come back as a newborn (SEMANTICS §6).
		if !applied().CoversAll(a.Applied) {
			return &StatusError{http.StatusConflict, "behind"}
		}
		ans, err := source.ServePeer(r.Context(), &edge.Fetch{
			Key: key, Method: http.MethodGet, Host: a.Host, Target: a.Target, Fields: a.Fields, Vector: a.Vector, Direct: true, Stored: a.Stored,
		})
		if err != nil {
			return &StatusError{http.StatusMisdirectedRequest, err.Error()}
		}
		defer ans.Body.Close()
		text, err := json.Marshal(head{ans.Status, ans.Fields, ans.Length, ans.Degraded})
		if err != nil {
			return err
		}
		n := len(text)
		if n > maxHead {
			return &StatusError{http.StatusMisdirectedRequest, "the answer's fields are too long"}
		}
		_, err = w.Write(append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, text...))
		if err == nil {
			err = copySteps(w, ans.Body)
		}
		if err != nil {
			panic(http.ErrAbortHandler) // cut off, so that the asker does not take it for whole
		}
		return nil
	})
}

// copySteps copies what may come slowly: each step is on its way before the next is
// waited for.
func copySteps(w http.ResponseWriter, r io.Reader) error {
	flush := http.NewResponseController(w).Flush
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
			if ferr := flush(); ferr != nil {
				return ferr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
