package docsorigin

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARaisedVersionShowsAtOnce(t *testing.T) {
	d := newDesk(t, nil)
	for v := 42; v < 142; v++ { // many edits within one tick of the file system's clock, all of one size
		w := d.get(trialPath)
		require.Contains(t, w.Header().Get("Docs-Version"), fmt.Sprintf("trial=%d,", v))
		d.raise(v, v+1, "Try it")
	}
	require.Contains(t, d.get("/index.json").Body.String(), `{"trial":142,"core":7}`)
}

func TestTwoEditsWithinOneTickOfTheClock(t *testing.T) {
	d := newDesk(t, nil)
	name := filepath.Join(d.dir, "p1.md")
	info, err := os.Stat(name)
	require.NoError(t, err)
	d.edit("p1.md", "version: 3", "version: 4") // in place: same size, same inode
	require.NoError(t, os.Chtimes(name, time.Time{}, info.ModTime()))
	require.Equal(t, "p1=4", d.get(trialPath+"/proofs/p1").Header().Get("Docs-Version"))
}

func TestASettledFileIsNotReadAgain(t *testing.T) {
	d := newDesk(t, nil)
	long := time.Now().Add(-time.Hour)
	name := filepath.Join(d.dir, "p1.md")
	require.NoError(t, os.Chtimes(name, long, long))
	d.get(trialPath)
	known := d.origin.library.folder.known["p1.md"]
	require.True(t, known.settled)
	d.get(trialPath)
	require.Same(t, known, d.origin.library.folder.known["p1.md"])

	// Another file of the same size and time in its place is noticed.
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name+".new", bytes.Replace(data, []byte("version: 3"), []byte("version: 4"), 1), 0o644))
	require.NoError(t, os.Chtimes(name+".new", long, long))
	require.NoError(t, os.Rename(name+".new", name))
	require.Equal(t, "p1=4", d.get(trialPath+"/proofs/p1").Header().Get("Docs-Version"))
}

func TestTheFirstBytesOfAVersionAreItsBytes(t *testing.T) {
	d := newDesk(t, nil)
	first := d.get(trialPath)
	d.edit("trial.md", "Try it", "Changed")
	d.edit("trial.ja.md", "お試し", "変更")
	d.write("trial.de.md", "kind: cta\nversion: 42\nsegments: [b2b, b2c]\ntitle: Testen", "Neu.")
	again := d.get(trialPath)
	require.Equal(t, first.Body.String(), again.Body.String())
	require.Equal(t, first.Header(), again.Header())
	require.NotContains(t, d.get(trialPath+"?lang=ja").Body.String(), "変更")
	require.Contains(t, d.get(trialPath+"?lang=de").Body.String(), `"lang":"en"`)
	require.Contains(t, d.problems(), "trial.md: version: the files differ from version 42 as it was first seen")

	for _, name := range []string{"trial.md", "trial.ja.md", "trial.de.md"} {
		d.edit(name, "version: 42", "version: 43")
	}
	require.Contains(t, d.get(trialPath+"?lang=en").Body.String(), "Changed")
	require.Contains(t, d.get(trialPath+"?lang=de").Body.String(), "Neu.")
	require.Empty(t, d.problems())
}

func TestAProofJoinsItsCTAWithTheCTAsNextVersion(t *testing.T) {
	d := newDesk(t, nil)
	first := d.get(trialPath)
	d.write("p0.md", "kind: proof\nversion: 1\nsegments: [b2b]\ncta: trial\ntitle: Zero", "New.")
	d.remove("p1.md")
	require.Equal(t, first.Body.String(), d.get(trialPath).Body.String())
	require.Equal(t, http.StatusOK, d.get(trialPath+"/proofs/p0").Code)
	require.Equal(t, http.StatusGone, d.get(trialPath+"/proofs/p1").Code)
	require.Contains(t, d.problems(), "trial.md: version: its Proofs are not those")
	d.raise(42, 43, "Try it")
	require.Contains(t, d.get(trialPath).Body.String(), `"proof_ids":["p0","p2"]`)
	require.Contains(t, d.get(trialPath, "Docs-Pin: trial=42").Body.String(), `"proof_ids":["p1","p2"]`)
	require.Empty(t, d.problems())
}

func TestABrokenEditTakesNothingDown(t *testing.T) {
	good := "kind: cta\nversion: 43\nsegments: [b2b, b2c]\nuses: [core]\ntitle: T"
	for name, c := range map[string]struct {
		edit func(d *desk)
		want string
	}{
		"not YAML":              {func(d *desk) { d.raw("trial.md", "---\nid: [\n---\nx") }, "trial.md:2: front matter: is not valid YAML"},
		"emptied":               {func(d *desk) { d.raw("trial.md", "") }, "trial.md:1: front matter: the file must begin"},
		"unknown field":         {func(d *desk) { d.write("trial.md", good+"\ncolour: red", "x") }, "trial.md:8: colour: is not a field"},
		"unknown reference":     {func(d *desk) { d.raise(42, 43, "x"); d.edit("trial.md", "[core]", "[cor]") }, "trial.md: uses: names cor, and there is no such document"},
		"one language only":     {func(d *desk) { d.edit("trial.md", "version: 42", "version: 43") }, "trial.ja.md: version: is 42, but trial.md says 43; the languages of a document share it"},
		"languages disagree":    {func(d *desk) { d.raise(42, 43, "x"); d.edit("trial.ja.md", "[b2b, b2c]", "[b2b]") }, "trial.ja.md: segments: is [b2b], but trial.md says [b2b b2c]"},
		"two files, a language": {func(d *desk) { d.write("trial.en.md", strings.Replace(good, "43", "42", 1), "x") }, "trial.md: lang: two files of trial are in en"},
		"a lower version":       {func(d *desk) { d.edit("trial.md", "42", "41"); d.edit("trial.ja.md", "42", "41") }, "trial.md: version: is 41, but 42 was shown already"},
		"a circle": {func(d *desk) {
			d.write("core.md", "kind: message\nversion: 8\nuses: [trial]\ntitle: Core", "x")
		}, "core.md: uses: leads back to core"},
		"too large": {func(d *desk) { d.raw("trial.md", strings.Repeat("x", 300<<10)) }, "trial.md: file: must be at most 262144 bytes"},
		"a directory's link": {func(d *desk) {
			d.remove("trial.md")
			require.NoError(d.t, os.Symlink(d.dir, filepath.Join(d.dir, "trial.md")))
		}, "trial.md: file: must be a regular file"},
		"a dangling link": {func(d *desk) {
			require.NoError(d.t, os.Symlink("nowhere", filepath.Join(d.dir, "x.md")))
		}, ""},
		"a stray file":         {func(d *desk) { d.raw("READ ME.md", "hello") }, "READ ME.md: file: a document is named ID.md"},
		"a proof without home": {func(d *desk) { d.write("p9.md", "kind: proof\nversion: 1\nsegments: [b2b]\ncta: p1\ntitle: T", "x") }, "p9.md: cta: names p1, and there is no such cta"},
		"an orphaned language": {func(d *desk) { d.write("new.ja.md", "kind: rule\nversion: 1", "x") }, "new.ja.md: file: is a further language of a document that is missing"},
		"many tags": {func(d *desk) {
			for i := range 5 {
				tags := make([]string, maxListItems)
				for j := range tags {
					tags[j] = fmt.Sprintf("t%d-%d-%s", i, j, strings.Repeat("x", 100))
				}
				d.write(fmt.Sprintf("m%d.md", i), "kind: message\nversion: 1\ntags: ["+strings.Join(tags, ", ")+"]", "x")
			}
			d.raise(42, 43, "x")
			d.edit("trial.md", "[core]", "[core, m0, m1, m2, m3, m4]")
		}, "trial.md: tags: with those of the documents it uses are"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			before := d.get(trialPath).Body.String()
			c.edit(d)
			require.Equal(t, before, d.get(trialPath).Body.String())
			require.Equal(t, http.StatusOK, d.get("/v1/segments/b2b/campaigns/spring").Code)
			if c.want == "" {
				require.Empty(t, d.problems())
				return
			}
			require.Contains(t, d.problems(), c.want)
			require.Contains(t, d.get("/stats").Body.String(), `"problems":[{"file"`)
			require.ErrorContains(t, firstStart(d.dir), strings.SplitN(c.want, " ", 2)[0])
		})
	}
}

// firstStart is the error of an origin that has not seen the folder before.
// Only a version below one that was shown is no fault to it.
func firstStart(dir string) error {
	if _, err := New(Options{Dir: dir}); err != nil {
		return err
	}
	return fmt.Errorf("trial.md: none")
}

func TestRepairedDocumentsShow(t *testing.T) {
	d := newDesk(t, nil)
	d.raise(42, 43, "Better")
	d.edit("trial.md", "[core]", "[core, more]")
	require.Contains(t, d.get(trialPath).Header().Get("Docs-Version"), "trial=42")
	d.write("more.md", "kind: rule\nversion: 1", "And more.")
	w := d.get(trialPath)
	require.Equal(t, "trial=43, core=7, more=1", w.Header().Get("Docs-Version"))
	require.Contains(t, w.Body.String(), "And more.")
	require.Empty(t, d.problems())
}

func TestUsesReachFurther(t *testing.T) {
	d := newDesk(t, nil)
	d.write("brand.md", "kind: message\nversion: 2\ntags: [brand]", "Brand.")
	d.write("core.md", "kind: message\nversion: 8\nuses: [brand]\ntags: [brand]\ntitle: Core", "Core.")
	w := d.get(trialPath)
	require.Equal(t, "trial=42, brand=2, core=8", w.Header().Get("Docs-Version"))
	require.Equal(t, "brand,pricing", w.Header().Get("Cache-Tag"))
	require.Less(t, strings.Index(w.Body.String(), `data-document=\"core\"`), strings.Index(w.Body.String(), `data-document=\"brand\"`))
}

func TestARemovedDocumentIsGone(t *testing.T) {
	d := newDesk(t, nil)
	d.remove("p1.md")
	d.remove("spring.md")
	require.Equal(t, http.StatusGone, d.get(trialPath+"/proofs/p1").Code)
	require.Equal(t, http.StatusGone, d.get("/v1/segments/b2b/campaigns/spring").Code)
	require.NotContains(t, d.get("/index.json").Body.String(), "p1")
	require.Equal(t, http.StatusOK, d.get(trialPath+"/proofs/p1", "Docs-Pin: p1=3").Code, "an undone removal needs it")

	// What others use is still there for them, and its absence is told.
	before := d.get(trialPath).Body.String()
	d.remove("core.md")
	require.Equal(t, before, d.get(trialPath).Body.String())
	require.Contains(t, d.problems(), "trial.md: uses: names core")

	d.remove("trial.md") // the Japanese file stays behind
	require.Equal(t, http.StatusGone, d.get(trialPath).Code)
	require.Contains(t, d.problems(), "trial.ja.md: file: is a further language of a document that is missing")

	d.write("p1.md", "kind: proof\nversion: 4\nsegments: [b2b]\ncta: trial\ntitle: One", "Back.")
	require.Equal(t, http.StatusGone, d.get(trialPath+"/proofs/p1").Code, "its cta is gone")
}

func TestARevertShowsTheFormerVersion(t *testing.T) {
	d := newDesk(t, nil)
	former := d.get(trialPath).Body.String()
	d.raise(42, 43, "Bad")
	require.Contains(t, d.get(trialPath).Body.String(), "Bad")
	d.edit("trial.md", "Bad", "Try it")
	d.edit("trial.md", "43", "42")
	d.edit("trial.ja.md", "43", "42")
	require.Equal(t, former, d.get(trialPath).Body.String())
	require.Empty(t, d.problems())
}

func TestAFolderThatGoesAwayForAWhile(t *testing.T) {
	d := newDesk(t, nil)
	before := d.get(trialPath).Body.String()
	require.NoError(t, os.Rename(d.dir, d.dir+"-away"))
	require.Equal(t, before, d.get(trialPath).Body.String())
	require.Contains(t, d.problems(), "folder: no such file or directory")
	require.NoError(t, os.Rename(d.dir+"-away", d.dir))
	require.Equal(t, before, d.get(trialPath).Body.String())
	require.Empty(t, d.problems())
}

func TestTooManyFiles(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Limits.Files = 6 })
	d.write("more.md", "kind: rule\nversion: 1", "x")
	require.Equal(t, http.StatusOK, d.get(trialPath).Code)
	require.Contains(t, d.problems(), "more than 6 files")
	_, err := New(Options{Dir: d.dir, Limits: Limits{Files: 6}})
	require.ErrorContains(t, err, "more than 6 files")
}

func TestTooManyDocumentsInOneArtifact(t *testing.T) {
	d := newDesk(t, nil)
	previous := "core"
	for i := range maxArtifactDocuments - 1 {
		id := fmt.Sprintf("m%d", i)
		d.write(id+".md", "kind: message\nversion: 1\nuses: ["+previous+"]", "x")
		previous = id
	}
	d.raise(42, 43, "Try it")
	d.edit("trial.md", "[core]", "["+previous+"]")
	require.Contains(t, d.get(trialPath).Header().Get("Docs-Version"), "trial=42")
	require.Contains(t, d.problems(), "trial.md: uses: leads to 65 documents")
}

func TestRereadSparesTheFolder(t *testing.T) {
	now := time.Now()
	d := newDesk(t, func(o *Options) {
		o.Reread = 100 * time.Millisecond
		o.Now = func() time.Time { return now }
	})
	d.raise(42, 43, "Later")
	require.Contains(t, d.get(trialPath).Header().Get("Docs-Version"), "trial=42")
	now = now.Add(100 * time.Millisecond)
	require.Contains(t, d.get(trialPath).Header().Get("Docs-Version"), "trial=43")
}

func TestProblemsAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	d.edit("p1.md", "kind: proof", "kind: prof")
	for range 3 {
		d.get(trialPath)
	}
	require.Equal(t, 1, strings.Count(log.String(), "document not as it should be"))
	require.Contains(t, log.String(), "file=p1.md field=kind")
	d.edit("p1.md", "kind: prof", "kind: proof")
	d.get(trialPath)
	require.Equal(t, 1, strings.Count(log.String(), "document in order again"))
}

func TestWhatIsNoDocumentIsPassedBy(t *testing.T) {
	d := newDesk(t, nil)
	d.raw("notes.txt", "x")
	d.raw(".trial.md.swp", "x")
	d.raw(".hidden.md", "x")
	d.raw("trial.md~", "x")
	require.NoError(t, os.Mkdir(filepath.Join(d.dir, "old.md"), 0o755))
	require.Empty(t, d.problems())
	require.NoError(t, Check(d.dir))
}

func TestCheckBlamesOnlyTheBroken(t *testing.T) {
	d := newDesk(t, nil)
	d.edit("trial.md", "kind: cta", "kind: cat")
	require.EqualError(t, Check(d.dir), "trial.md:3: kind: must be message, rule, cta, proof or campaign")
	require.ErrorContains(t, Check(filepath.Join(d.dir, "absent")), "no such file")
}
