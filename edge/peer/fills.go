package peer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

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
//
// While an answer takes its time, the asker is told so: it would ask the origin as
// well otherwise, and a slow origin would have twice the fetches when it can bear
// them least.
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
		ans, signed, err := s.obtain(w, r, source, &edge.Fetch{
			Key: key, Method: http.MethodGet, Host: a.Host, Target: a.Target, Fields: a.Fields, Vector: a.Vector, Direct: true, Stored: a.Stored,
		})
		if err != nil {
			refused := &StatusError{http.StatusMisdirectedRequest, err.Error()}
			if !signed {
				return refused
			}
			return writeHead(w, head{Refused: refused.Text}) // the status is out already
		}
		defer ans.Body.Close()
		err = writeHead(w, head{Status: ans.Status, Fields: ans.Fields, Length: ans.Length, Degraded: ans.Degraded})
		if errors.Is(err, errHead) && !signed {
			return &StatusError{http.StatusMisdirectedRequest, err.Error()}
		}
		if err == nil {
			err = copySteps(w, ans.Body)
		}
		if err != nil {
			panic(http.ErrAbortHandler) // cut off, so that the asker does not take it for whole
		}
		return nil
	})
}

// signEvery is how often an asker hears that its answer is still on its way: well
// within its patience.
const signEvery = 300 * time.Millisecond

// obtain asks the source, and signs while it waits: signed says whether it has.
func (s *Server) obtain(w http.ResponseWriter, r *http.Request, source Source, f *edge.Fetch) (ans *edge.Answer, signed bool, err error) {
	if f.Stored {
		ans, err = source.ServePeer(r.Context(), f) // it waits for nothing
		return ans, false, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
				s.log.Error("panic while a peer was answered", "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		ans, err = source.ServePeer(r.Context(), f)
	}()
	ticker := time.NewTicker(s.sign)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return ans, signed, err
		case <-ticker.C:
			signed = true
			_, _ = w.Write(make([]byte, 4)) // one who has gone ends r's context
			_ = http.NewResponseController(w).Flush()
		}
	}
}

var errHead = errors.New("the answer's fields are too long")

// writeHead writes a head and its length.
func writeHead(w io.Writer, h head) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(text) > maxHead {
		return errHead
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return err
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
