package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/letteros/letteredge/gossip"
)

// Path is where voters answer the questions of other nodes.
const Path = "/control"

// maxQuestion bounds a call's body: the largest transaction, in base64 or
// escapes.
const maxQuestion = 4 * gossip.MaxTxn

// question is what a node asks the leader: the records of some keys, or that a
// transaction be proposed.
type question struct {
	Keys []string    `json:"keys,omitempty"`
	Txn  *gossip.Txn `json:"txn,omitempty"`
}

// answer is the leader's, or says who leads.
type answer struct {
	Records   []gossip.Record `json:"records,omitempty"`
	Index     uint64          `json:"index,omitempty"`
	Outcome   *gossip.Outcome `json:"outcome,omitempty"`
	NotLeader bool            `json:"not_leader,omitempty"`
	Leader    string          `json:"leader,omitempty"`
	NoQuorum  string          `json:"no_quorum,omitempty"`
	Refused   string          `json:"refused,omitempty"`
}

// errRefused means that the leader will not have it, now or later.
var errRefused = errors.New("the leader refuses it")

// Serve answers a call to Path from another node.
func (c *Control) Serve(ctx context.Context, from gossip.Member, body []byte) ([]byte, error) {
	q, err := decodeQuestion(body)
	if err != nil {
		return nil, err
	}
	a, err := c.answer(ctx, from.Node, q)
	var elsewhere *NotLeaderError
	switch {
	case errors.As(err, &elsewhere):
		a = answer{NotLeader: true, Leader: elsewhere.Leader}
	case errors.Is(err, errRefused), errors.Is(err, gossip.ErrTxn):
		a = answer{Refused: err.Error()}
	case err != nil:
		a = answer{NoQuorum: err.Error()}
	}
	return json.Marshal(a)
}

func decodeQuestion(body []byte) (question, error) {
	var q question
	if len(body) > maxQuestion {
		return q, fmt.Errorf("control: the call has %d bytes, at most %d are allowed", len(body), maxQuestion)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return q, fmt.Errorf("control: the call: %w", err)
	}
	if len(q.Keys) > gossip.MaxPuts || (q.Txn == nil) == (len(q.Keys) == 0) {
		return q, fmt.Errorf("control: the call must have txn or 1 to %d keys", gossip.MaxPuts)
	}
	return q, nil
}

// answer answers on this voter. from is the asking node, "" for this one itself.
func (c *Control) answer(ctx context.Context, from string, q question) (answer, error) {
	if q.Txn != nil {
		if err := allowed(from, *q.Txn); err != nil {
			return answer{}, err
		}
		out, err := c.Propose(ctx, *q.Txn)
		return answer{Outcome: &out}, err
	}
	if err := c.Confirm(ctx); err != nil {
		return answer{}, err
	}
	a := answer{Index: c.records.Index()}
	for _, key := range q.Keys {
		if r, ok := c.records.Get(key); ok {
			a.Records = append(a.Records, r)
		}
	}
	return a, nil
}

// enrolment is the prefix of the records that say where a node is. Nobody writes
// another node's.
const enrolment = "node/"

func allowed(from string, txn gossip.Txn) error {
	for _, p := range txn.Puts {
		if node, ok := strings.CutPrefix(p.Key, enrolment); ok && from != "" && node != from {
			return fmt.Errorf("%w: %s is not %s's to change", errRefused, p.Key, from)
		}
	}
	return nil
}

// callVoter asks another voter.
func callVoter(ctx context.Context, caller Caller, node string, q question) (answer, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", node, err)
	}
	reply, err := caller.Call(ctx, node, Path, body)
	if err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", node, err)
	}
	var a answer
	if err := json.Unmarshal(reply, &a); err != nil {
		return answer{}, fmt.Errorf("ask %s: its answer: %w", node, err)
	}
	switch {
	case a.NotLeader:
		return answer{}, &NotLeaderError{a.Leader}
	case a.NoQuorum != "":
		return answer{}, fmt.Errorf("ask %s: %w: %s", node, ErrNoQuorum, a.NoQuorum)
	case a.Refused != "":
		return answer{}, fmt.Errorf("ask %s: %w: %s", node, errRefused, a.Refused)
	}
	return a, nil
}
