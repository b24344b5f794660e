package adminapi

import (
	"time"

	"github.com/letteros/letteredge/invalidation/rollout"
)

// DocsUpdate asks for new versions of documents: the body of
// POST /v1/docs/updates.
type DocsUpdate struct {
	Documents []DocsVersion `json:"documents"`
	// Artifacts are paths that change although the origin's index does not say so.
	Artifacts []string `json:"artifacts,omitempty"`
	Plan      string   `json:"plan,omitempty"` // default unless told
	// DryRun only decides whether the update would be accepted.
	DryRun bool `json:"dry_run,omitempty"`
}

// DocsVersion is one version of a document.
type DocsVersion struct {
	ID      string   `json:"id"`
	Version int64    `json:"version"`
	Digest  string   `json:"digest,omitempty"` // sha256- and base64; none if it is deleted
	Tags    []string `json:"tags,omitempty"`
	Deleted bool     `json:"deleted,omitempty"`
}

// DocsAccepted answers an update.
type DocsAccepted struct {
	// Rollout carries it out; null if nothing changes, and for a dry run.
	Rollout *string `json:"rollout" jsonschema:"oneof_type=string;null"`
	State   string  `json:"state"` // of the rollout, or unchanged
	DryRun  bool    `json:"dry_run,omitempty"`
}

// Document is what is recorded of a document.
type Document struct {
	DocsVersion        // what is released; version 0 before the first release
	Highest     int64  `json:"highest"`           // the highest number ever used
	Rollout     string `json:"rollout,omitempty"` // the one that released it
	// Candidate is a version on its way, null if there is none.
	Candidate *DocumentCandidate `json:"candidate" jsonschema:"oneof_type=object;null"`
}

// DocumentCandidate is a version of a document on its way.
type DocumentCandidate struct {
	DocsVersion
	Rollout string `json:"rollout"`
}

// Rollout is a docs update carried out in stages.
type Rollout struct {
	Rollout   string         `json:"rollout"`
	State     string         `json:"state"` // waiting, running, paused, done, halted, undone, aborted, superseded
	Stage     string         `json:"stage"` // edge, regional, global: after the end, where it stopped
	Reason    string         `json:"reason"`
	Stages    []RolloutStage `json:"stages"`
	Documents []DocsVersion  `json:"documents"`
	// Overtaken are documents that later rollouts bring in its place.
	Overtaken []DocumentCandidate `json:"overtaken,omitempty"`
	Plan      string              `json:"plan"`
	CreatedAt time.Time           `json:"created_at"`
	By        string              `json:"by,omitempty"` // the token that asked
	// Final: nothing more happens by itself.
	Final bool `json:"final"`
}

// RolloutStage is one stage of a rollout.
type RolloutStage struct {
	Stage  string         `json:"stage"`
	State  string         `json:"state"` // pending, filling, verifying, flipped, soaking, done, failed, undone
	Nodes  []string       `json:"nodes"`
	Checks []RolloutCheck `json:"checks"`
	// Steps say how far each node has come: filled, verified, received, seen;
	// fenced for one that is passed by.
	Steps map[string]string `json:"steps"`
}

// RolloutCheck is one check of a stage.
type RolloutCheck struct {
	Name   string `json:"name"`
	Result string `json:"result"` // passed, failed, inconclusive
	Detail string `json:"detail"`
}

// RolloutOf returns a rollout as the API shows it.
func RolloutOf(r rollout.Rollout) Rollout {
	v := Rollout{
		Rollout: r.ID, State: string(r.State), Stage: string(r.Stage), Reason: r.Reason, Stages: []RolloutStage{},
		Documents: []DocsVersion{}, Plan: r.Plan.Name, CreatedAt: r.Created, By: r.By, Final: r.Final(),
	}
	for _, d := range r.Documents {
		v.Documents = append(v.Documents, docsVersionOf(d))
	}
	for _, d := range r.Overtaken {
		v.Overtaken = append(v.Overtaken, DocumentCandidate{docsVersionOf(d), d.Rollout})
	}
	for _, s := range r.Stages {
		stage := RolloutStage{
			Stage: string(s.Stage), State: string(s.State), Nodes: append([]string{}, s.Nodes()...),
			Checks: []RolloutCheck{}, Steps: map[string]string{},
		}
		for _, c := range s.Checks {
			stage.Checks = append(stage.Checks, RolloutCheck{c.Name, string(c.Result), c.Detail})
		}
		for node, step := range s.Steps {
			stage.Steps[node] = string(step)
		}
		v.Stages = append(v.Stages, stage)
	}
	return v
}

// DocumentOf returns a document's record as the API shows it.
func DocumentOf(d rollout.Document) Document {
	v := Document{DocsVersion: DocsVersion{ID: d.ID}, Highest: d.Highest}
	if d.Released != nil {
		v.DocsVersion, v.Rollout = docsVersionOf(*d.Released), d.Released.Rollout
	}
	if d.Candidate != nil {
		v.Candidate = &DocumentCandidate{docsVersionOf(d.Candidate.Version), d.Candidate.Rollout}
	}
	return v
}

func docsVersionOf(v rollout.Version) DocsVersion {
	return DocsVersion{ID: v.ID, Version: v.Version, Digest: v.Digest, Tags: v.Tags, Deleted: v.Deleted}
}

// VersionsOf returns what an update brings in the terms of its rules.
func VersionsOf(list []DocsVersion) []rollout.Version {
	versions := make([]rollout.Version, 0, len(list))
	for _, v := range list {
		versions = append(versions, rollout.Version{ID: v.ID, Version: v.Version, Digest: v.Digest, Tags: v.Tags, Deleted: v.Deleted})
	}
	return versions
}

// docsOperations is what the API can do with documents.
func docsOperations(page []Parameter) []Operation {
	id := []Parameter{{Name: "id", In: "path", Description: "the rollout's id"}}
	command := func(name, summary string) Operation {
		return Operation{Method: "POST", Path: "/v1/rollouts/{id}/" + name, ID: "rollout." + name, Summary: summary, Scope: scopeDocs,
			Parameters: id, Answers: []Answer{{202, Rollout{}}, {404, nil}, {409, nil}, {503, nil}}}
	}
	return []Operation{
		{Method: "GET", Path: "/v1/docs", ID: "docs.list", Summary: "List the records of documents, by id", Scope: scopeRead,
			Parameters: page, Answers: []Answer{{200, List[Document]{}}}},
		{Method: "POST", Path: "/v1/docs/updates", ID: "docs.update", Summary: "Bring new versions of documents in stages", Scope: scopeDocs,
			Parameters: []Parameter{{Name: "Idempotency-Key", In: "header", Description: "the same key with the same body is the same update"}},
			Body:       DocsUpdate{},
			Answers:    []Answer{{200, DocsAccepted{}}, {202, DocsAccepted{}}, {409, nil}, {422, nil}, {503, nil}}},
		{Method: "GET", Path: "/v1/rollouts", ID: "rollout.list", Summary: "List rollouts, the latest first", Scope: scopeRead,
			Parameters: page, Answers: []Answer{{200, List[Rollout]{}}}},
		{Method: "GET", Path: "/v1/rollouts/{id}", ID: "rollout.get", Summary: "Show a rollout", Scope: scopeRead,
			Parameters: id, Answers: []Answer{{200, Rollout{}}, {404, nil}}},
		{Method: "GET", Path: "/v1/rollouts/{id}/events", ID: "rollout.events", Summary: "Follow a rollout: each event is the whole of it", Scope: scopeRead,
			Parameters: id, Answers: []Answer{{200, "text/event-stream"}, {404, nil}}},
		command("promote", "Have a paused rollout go on"),
		command("abort", "Stop a rollout and take it back"),
		command("rollback", "Take a done rollout back"),
	}
}
