package behaviour

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// rolledOut is what the API tells of a rollout.
type rolledOut struct {
	Rollout string `json:"rollout"`
	State   string `json:"state"`
	Stage   string `json:"stage"`
	Reason  string `json:"reason"`
	Stages  []struct {
		Stage  string   `json:"stage"`
		State  string   `json:"state"`
		Nodes  []string `json:"nodes"`
		Checks []struct {
			Name, Result, Detail string
		} `json:"checks"`
	} `json:"stages"`
}

// pusher pushes documents with edgectl.
type pusher struct {
	edgectl Edged
	demo    *Demo
}

func (p pusher) run(t *testing.T, args ...string) Ended {
	t.Helper()
	return p.edgectl.Exec(t, append([]string{"--admin", p.demo.Nodes[1].Admin, "--token", p.demo.Token}, args...)...)
}

// push pushes a folder, and returns the exit code and the last line of its JSON.
func (p pusher) push(t *testing.T, dir string) (int, rolledOut) {
	t.Helper()
	ended := p.run(t, "docs", "push", dir, "-o", "json")
	var last rolledOut
	lines := bufio.NewScanner(strings.NewReader(ended.Stdout))
	for lines.Scan() {
		last = rolledOut{}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &last), "%q; %s", lines.Text(), ended.Stderr)
	}
	require.NotEmpty(t, last.State, "exit %d, stdout %q, stderr %q", ended.Exit, ended.Stdout, ended.Stderr)
	return ended.Exit, last
}

// everywhere wants every node to show the same of a path over every protocol.
func everywhere(t *testing.T, d *Demo, path string, holds func(where string, r *Reply)) {
	t.Helper()
	for _, n := range d.Nodes {
		r := n.Readers(t)
		for _, proto := range Protos() {
			holds(n.ID+" "+string(proto), r.Get(t, proto, path))
		}
	}
}

// TestDocsPush: an edit shows nowhere before its push; then it reaches all regions
// in stage order, and the push ends with 0 only when every node shows it.
func TestDocsPush(t *testing.T) {
	t.Parallel()
	demo := edged.Demo(t)
	p := pusher{command(t, "edgectl"), demo}
	allReady(t, demo)

	exit, last := p.push(t, demo.DocsDir)
	require.Zero(t, exit)
	require.Equal(t, rolledOut{State: "unchanged"}, last, "the demo records its folder at start")
	var before []byte
	var version string
	everywhere(t, demo, trial, func(where string, r *Reply) {
		require.Equal(t, http.StatusOK, r.Status, where)
		if before == nil {
			before, version = r.Body, r.Versions()["trial"]
		}
		require.Equal(t, string(before), string(r.Body), where)
	})

	docs := &Docs{Dir: demo.DocsDir, text: map[string]string{}}
	next := docs.raise(t, "trial")
	Until(t, "the origin to show the edit", func() bool {
		return strings.Contains(string(get(t, demo.Origin+trial).Body), fmt.Sprintf("Edition trial/%d", next))
	})
	everywhere(t, demo, trial, func(where string, r *Reply) {
		require.Equal(t, version, r.Versions()["trial"], "%s shows what was not pushed", where)
		require.Equal(t, string(before), string(r.Body), where)
	})
	diff := p.run(t, "docs", "diff", demo.DocsDir)
	require.Contains(t, diff.Stdout, "trial")

	// The checks of a push are no readers: a segment at its limit is pushed to.
	limited := p.run(t, "quota", "set", "b2b", "--rps", "0.01", "--burst", "1")
	require.Zero(t, limited.Exit, limited.Stderr)
	exit, last = p.push(t, demo.DocsDir)
	require.Zero(t, exit, "%+v", last)
	require.Equal(t, "done", last.State)
	lifted := p.run(t, "quota", "rm", "b2b")
	require.Zero(t, lifted.Exit, lifted.Stderr)
	for _, path := range []string{trial, trial + "/summary"} {
		everywhere(t, demo, path, func(where string, r *Reply) {
			require.Equal(t, http.StatusOK, r.Status, where)
			require.Equal(t, fmt.Sprint(next), r.Versions()["trial"], where)
			require.Contains(t, string(r.Body), fmt.Sprintf("Edition trial/%d", next), where)
			require.Empty(t, r.Header.Get("Edge-Degraded"), where)
		})
	}
	var got rolledOut
	demo.Nodes[5].Administer(t).Want(t, http.StatusOK, &got, "GET", "/v1/rollouts/"+last.Rollout, "")
	require.Equal(t, "done", got.State)
	require.Len(t, got.Stages, 3)
	named := 0
	for i, stage := range got.Stages {
		require.Equal(t, []string{"edge", "regional", "global"}[i], stage.Stage)
		require.Equal(t, "done", stage.State)
		named += len(stage.Nodes)
		for _, c := range stage.Checks {
			require.Equal(t, "passed", c.Result, "%+v", c)
		}
	}
	require.Equal(t, len(demo.Nodes), named)
	exit, last = p.push(t, demo.DocsDir)
	require.Zero(t, exit)
	require.Equal(t, "unchanged", last.State)

	// A rollback shows the former bytes again, without the origin.
	demo.Nodes[2].Administer(t).Want(t, http.StatusAccepted, nil, "POST", "/v1/rollouts/"+got.Rollout+"/rollback", "")
	Until(t, "the rollback", func() bool {
		demo.Nodes[0].Administer(t).Want(t, http.StatusOK, &got, "GET", "/v1/rollouts/"+got.Rollout, "")
		return got.State == "undone"
	})
	everywhere(t, demo, trial, func(where string, r *Reply) { require.Equal(t, string(before), string(r.Body), where) })
}

// raise gives a document of a folder its next version, without asking an origin.
func (d *Docs) raise(t *testing.T, id string) int64 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.Dir, id+".*md"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var version int64
	for _, file := range files {
		now, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = fmt.Sscan(string(versionLine.FindSubmatch(now)[1]), &version)
		require.NoError(t, err)
		version++
		text := versionLine.ReplaceAllString(string(now), fmt.Sprintf("version: %d", version)) + fmt.Sprintf("\nEdition %s/%d.\n", id, version)
		require.NoError(t, replaceFile(file, text))
	}
	return version
}

// TestBadDocs: an origin that answers with something else for a new version is
// found out at the first node, and the former bytes are served everywhere, also
// after a restart; one that still has the old version keeps the push waiting.
func TestBadDocs(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	state := t.TempDir()
	demo := edged.Demo(t, "--origin", docs.URL, "--state", state)
	p := pusher{command(t, "edgectl"), demo}
	allReady(t, demo)
	exit, last := p.push(t, docs.Dir)
	require.Zero(t, exit, "the first push: %+v", last)
	require.Equal(t, "done", last.State)

	former := map[string]*Reply{}
	everywhere(t, demo, trial, func(where string, r *Reply) {
		require.Equal(t, http.StatusOK, r.Status, where)
		former[trial] = r
	})
	same := func() {
		t.Helper()
		everywhere(t, demo, trial, func(where string, r *Reply) {
			require.Equal(t, http.StatusOK, r.Status, "%s: %s", where, r.Body)
			require.Equal(t, string(former[trial].Body), string(r.Body), where)
		})
	}

	for name, fault := range map[string]func(good []byte) docsorigin.Fault{
		"another CTA's id": func(good []byte) docsorigin.Fault {
			return docsorigin.Fault{Body: bytes.ReplaceAll(good, []byte(`"id":"trial"`), []byte(`"id":"demo"`))}
		},
		"HTML with status 200": func([]byte) docsorigin.Fault {
			return docsorigin.Fault{Body: []byte("<html>It works!</html>"), Header: http.Header{"Content-Type": {"text/html"}}}
		},
		"500": func([]byte) docsorigin.Fault { return docsorigin.Fault{Status: 500} },
	} {
		docs.Raise(t, "trial")
		docs.Faults.Set(trial, fault(docs.Direct(trial, "", "").Body))
		exit, last := p.push(t, docs.Dir)
		require.Equal(t, 1, exit, "%s: %+v", name, last)
		require.Contains(t, []string{"halted", "undone"}, last.State, name)
		var got rolledOut
		admin := demo.Nodes[4].Administer(t)
		Until(t, name+": undone", func() bool {
			admin.Want(t, http.StatusOK, &got, "GET", "/v1/rollouts/"+last.Rollout, "")
			return got.State == "undone"
		})
		require.Equal(t, "edge", got.Stage, "%s stops at the first node: %+v", name, got)
		require.NotEmpty(t, got.Reason, name)
		docs.Faults.Reset()
		same()
	}

	// The folder is ahead of the origin: the push waits, and touches nothing.
	ahead := t.TempDir()
	require.NoError(t, os.CopyFS(ahead, os.DirFS(docs.Dir)))
	(&Docs{Dir: ahead}).raise(t, "trial")
	post := postUpdate(t, p, ahead)
	admin := demo.Nodes[0].Administer(t)
	var got rolledOut
	Until(t, "the push to be seen", func() bool {
		return admin.Do(t, "GET", "/v1/rollouts/"+post, "").Status == http.StatusOK
	})
	Until(t, "the push to wait, and to say why", func() bool {
		admin.Want(t, http.StatusOK, &got, "GET", "/v1/rollouts/"+post, "")
		return got.State == "waiting" && got.Reason != ""
	})
	same()
	require.Equal(t, post, postUpdate(t, p, ahead), "a push that waits, pushed again, is the same one")
	admin.Want(t, http.StatusAccepted, nil, "POST", "/v1/rollouts/"+post+"/abort", "")

	for _, n := range demo.Nodes {
		kill(t, n)
	}
	demo.Interrupt()
	demo.Wait()
	docs.Faults.Set(docsorigin.EveryPath, docsorigin.Fault{Abort: true})
	demo = edged.Demo(t, "--origin", docs.URL, "--state", state)
	same()
}

// postUpdate posts what a push of the folder would, and returns the rollout's id.
func postUpdate(t *testing.T, p pusher, dir string) string {
	t.Helper()
	ended := p.run(t, "docs", "push", dir, "--no-follow", "-o", "json")
	require.Zero(t, ended.Exit, ended.Stderr)
	var r rolledOut
	require.NoError(t, json.Unmarshal([]byte(ended.Stdout), &r), ended.Stdout)
	require.NotEmpty(t, r.Rollout)
	return r.Rollout
}

// TestAPushOutlivesAllNodes: kill -9 of all six at some moment of a push, and a
// start with the same state: the push that was accepted goes on to its end, no
// version that had been released is lost, and nobody shows a mixture.
func TestAPushOutlivesAllNodes(t *testing.T) {
	t.Parallel()
	docs := NewDocs(t, docsorigin.Options{})
	state := t.TempDir()
	demo := edged.Demo(t, "--origin", docs.URL, "--state", state)
	p := pusher{command(t, "edgectl"), demo}
	allReady(t, demo)
	exit, last := p.push(t, docs.Dir)
	require.Zero(t, exit, "the first push: %+v", last)
	for _, stage := range []string{"waiting", "edge", "global"} {
		next := docs.Raise(t, "trial")
		id := postUpdate(t, p, docs.Dir)
		admin := demo.Nodes[5].Administer(t)
		Until(t, "the push to come to "+stage, func() bool {
			r := admin.Do(t, "GET", "/v1/rollouts/"+id, "")
			if r.Status != http.StatusOK {
				return false
			}
			var got rolledOut
			r.JSON(t, &got)
			return stage == "waiting" || got.Stage == stage || got.State == "done"
		})
		for _, n := range demo.Nodes {
			require.NoError(t, syscall.Kill(n.PID, syscall.SIGKILL))
		}
		demo.Interrupt()
		demo.Wait()
		demo = edged.Demo(t, "--origin", docs.URL, "--state", state)
		p.demo = demo
		admin = demo.Nodes[2].Administer(t)
		Until(t, "the push to end after the kill in "+stage, func() bool {
			var got rolledOut
			admin.Want(t, http.StatusOK, &got, "GET", "/v1/rollouts/"+id, "")
			require.NotContains(t, []string{"halted", "undone", "aborted"}, got.State, got.Reason)
			return got.State == "done"
		})
		everywhere(t, demo, trial+"/summary", func(where string, r *Reply) {
			require.Equal(t, http.StatusOK, r.Status, "%s: %s", where, r.Body)
			require.Equal(t, fmt.Sprint(next), r.Versions()["trial"], where)
		})
	}
}
