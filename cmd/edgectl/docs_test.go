package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
	"github.com/letteros/letteredge/edge/adminapi"
)

func TestCompare(t *testing.T) {
	record := func(id string, version int64, digest string) adminapi.Document {
		return adminapi.Document{DocsVersion: adminapi.DocsVersion{ID: id, Version: version, Digest: digest}, Highest: version}
	}
	undone := record("undone", 3, "a")
	undone.Highest = 5
	deleted := record("deleted", 4, "")
	deleted.Deleted = true
	back := record("back", 42, "a") // 43 was rolled back
	back.Highest = 43
	waits, textdiffers := record("waits", 2, "a"), record("textdiffers", 2, "a")
	waits.Highest, textdiffers.Highest = 3, 3
	rollouts := []adminapi.Rollout{
		{State: "waiting", Documents: []adminapi.DocsVersion{{ID: "waits", Version: 3, Digest: "b"}, {ID: "textdiffers", Version: 3, Digest: "b"}}},
		{State: "undone", Documents: []adminapi.DocsVersion{{ID: "back", Version: 43, Digest: "c"}}},
	}
	edits, stale := compare([]docsorigin.Listed{
		{ID: "new", Version: 1, Digest: "a", Used: true}, {ID: "same", Version: 2, Digest: "a", Used: true},
		{ID: "raised", Version: 3, Digest: "b", Used: true}, {ID: "edited", Version: 2, Digest: "b", Used: true, Files: []string{"edited.md"}},
		{ID: "lowered", Version: 1, Digest: "b", Used: true, Files: []string{"lowered.md"}}, {ID: "unused", Version: 1, Digest: "b"},
		{ID: "deleted", Version: 5, Digest: "c", Used: true},
		{ID: "waits", Version: 3, Digest: "b", Used: true}, {ID: "textdiffers", Version: 3, Digest: "c", Used: true, Files: []string{"textdiffers.md"}},
		{ID: "back", Version: 43, Digest: "c", Used: true, Files: []string{"back.md"}},
	}, records{[]adminapi.Document{back, deleted, record("edited", 2, "a"), record("gone", 7, "a"), record("lowered", 2, "a"), record("raised", 2, "a"), record("same", 2, "a"), textdiffers, undone, waits}, rollouts})
	var got []string
	for _, e := range edits {
		got = append(got, e.ID+" "+e.Change+" "+number(int(e.From))+" "+number(int(e.Version)))
	}
	require.Equal(t, []string{"new new 0 1", "raised changed 2 3", "unused unused 0 1", "deleted new 0 5", "waits changed 2 3", "gone deleted 7 8", "undone deleted 3 6"}, got)
	require.Len(t, stale, 4)
	require.ErrorContains(t, stale[2], "textdiffers.md: version: is 3, and 3 was pushed before and is not shown")
	require.EqualError(t, stale[3], "back.md: version: is 43, and 43 was pushed before and is not shown: a number is never used again; raise it to 44, or push with --bump")
	require.EqualError(t, stale[0], "edited.md: version: the text differs from version 2, which is released; raise it to 3, or push with --bump")
	require.EqualError(t, stale[1], "lowered.md: version: is 1, and 2 is released; raise it to 3, or push with --bump")
}

func TestRaise(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, docsorigin.Materialize(filepath.Join(dir, "docs")))
	before, err := docsorigin.List(filepath.Join(dir, "docs"))
	require.NoError(t, err)
	for _, l := range before {
		for _, file := range l.Files {
			require.NoError(t, raise(filepath.Join(dir, "docs", file), 900))
		}
	}
	after, err := docsorigin.List(filepath.Join(dir, "docs"))
	require.NoError(t, err)
	require.Len(t, after, len(before))
	for i, l := range after {
		require.Equal(t, int64(900), l.Version)
		require.Equal(t, before[i].Files, l.Files)
	}
	path := filepath.Join(dir, "x.md")
	require.NoError(t, os.WriteFile(path, []byte("---\nid: x\n---\n"), 0o600))
	require.ErrorContains(t, raise(path, 2), "has no line version: N")
}
