package driver

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// Job is what a node is to do for a rollout.
type Job struct {
	Rollout string         `json:"rollout"`
	Action  rollout.Action `json:"action"` // fill, verify, read
	// Index is of the control log: the node begins once it has everything up to it.
	Index uint64 `json:"index"`
}

// Outcome is what became of a job.
type Outcome struct {
	// Failed is the check that failed; nil if all passed.
	Failed *rollout.Check `json:"failed,omitempty"`
	// Digest is of everything that the node showed, Artifacts how much that was.
	Digest    string `json:"digest,omitempty"`
	Artifacts int    `json:"artifacts"`
}

// Path is where nodes take jobs of each other.
const Path = "/rollout"

// Caller calls another node over the peers' transport: edge/peer's client.
type Caller interface {
	Call(ctx context.Context, node, path string, body []byte) ([]byte, error)
}

// Peers are the Nodes of a cluster: this node's own Worker, and the others' over
// a Caller, which is nil where there are none.
type Peers struct {
	Self   string
	Worker *Worker
	Caller Caller
}

var _ Nodes = Peers{}

// Do implements Nodes.
func (p Peers) Do(ctx context.Context, node string, job Job) (out Outcome, err error) {
	if node == p.Self {
		return p.Worker.Do(ctx, job)
	}
	if p.Caller == nil {
		return out, fmt.Errorf("job for %s: it is no node of this cluster", node)
	}
	body, err := json.Marshal(job)
	if err == nil {
		body, err = p.Caller.Call(ctx, node, Path, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &out)
	}
	if err != nil {
		return out, fmt.Errorf("job for %s: %w", node, err)
	}
	return out, nil
}

// Serve answers the jobs of other nodes: the handler of Path.
func (w *Worker) Serve(ctx context.Context, _ gossip.Member, body []byte) ([]byte, error) {
	var job Job
	if err := json.Unmarshal(body, &job); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	out, err := w.Do(ctx, job)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}
