package peer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/gossip"
)

// maxHead bounds the description of an answer.
const maxHead = 256 << 10

// FillPath is where a node is asked for an answer.
const FillPath = "/fill"

// ask is what the asker tells another node.
type ask struct {
	Key     string        `json:"key"`
	Host    string        `json:"host"`
	Target  string        `json:"target"`
	Fields  []edge.Field  `json:"fields"`
	Vector  string        `json:"vector,omitempty"`
	Stored  bool          `json:"stored,omitempty"`
	Applied gossip.Vector `json:"applied"`
}

// head is what comes before an answer's body, after its length in four bytes. Before
// it come lengths of zero, each a sign that the answer is on its way.
type head struct {
	Status   int          `json:"status"`
	Fields   []edge.Field `json:"fields"`
	Length   int64        `json:"length"`
	Degraded string       `json:"degraded,omitempty"`
	// Refused says that there is no answer, where signs went before.
	Refused string `json:"refused,omitempty"`
}

// askNode asks a node for an answer, which, or a sign of it, must come within
// patience, and again within that of each sign; late is called where it does not.
func askNode(ctx context.Context, c *Client, node string, f *edge.Fetch, applied gossip.Vector, patience time.Duration, late func()) (*edge.Answer, error) {
	body, err := json.Marshal(ask{f.Key.Text, f.Host, f.Target, f.Fields, f.Vector, f.Stored, applied})
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", node, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	bound := time.AfterFunc(patience, func() {
		late()
		cancel()
	})
	begin := time.Now()
	res, err := c.post(ctx, node, FillPath, body)
	if err != nil {
		bound.Stop()
		cancel()
		return nil, err
	}
	a, err := readAnswer(res.Body, begin, func() { bound.Reset(patience) })
	if inTime := bound.Stop(); err != nil || !inTime {
		cancel()
		_ = res.Body.Close() // nobody reads it
		if !inTime {
			err = errors.Join(err, errors.New("it was too slow"))
		}
		return nil, fmt.Errorf("ask %s: %w", node, err)
	}
	a.Body = &callBody{res.Body, cancel}
	return a, nil
}

// callBody ends the call with the body.
type callBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *callBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func readAnswer(r io.Reader, begin time.Time, sign func()) (*edge.Answer, error) {
	var size [4]byte
	n := uint32(0)
	for n == 0 {
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return nil, fmt.Errorf("the node's answer: %w", err)
		}
		if n = binary.BigEndian.Uint32(size[:]); n == 0 {
			sign()
		}
	}
	if n > maxHead {
		return nil, fmt.Errorf("the node's answer: its head has %d bytes, at most %d are allowed", n, maxHead)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("the node's answer: %w", err)
	}
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, fmt.Errorf("the node's answer: %w", err)
	}
	if h.Refused != "" {
		return nil, &StatusError{http.StatusMisdirectedRequest, h.Refused}
	}
	return &edge.Answer{
		Status: h.Status, Fields: h.Fields, Length: h.Length, Degraded: h.Degraded,
		RequestAt: begin, ResponseAt: time.Now(),
	}, nil
}
