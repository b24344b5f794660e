package docsorigin

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPinsBringFormerVersionsBack(t *testing.T) {
	d := newDesk(t, nil)
	v42 := d.get(trialPath).Body.String()
	v42ja := d.get("/v1/segments/b2c/ctas/trial?lang=ja").Body.String()
	d.raise(42, 43, "New text")
	v43 := d.get(trialPath).Body.String()
	d.write("core.md", "kind: message\nversion: 8\ntitle: Core", "Core, renewed.")
	both := d.get(trialPath).Body.String()
	for _, c := range []struct{ target, pin, want string }{
		{trialPath, "trial=42, core=7", v42},
		{trialPath, "trial=42,core=7", v42},
		{trialPath, " core=7 ,, trial=42, x=2,", v42},
		{"/v1/segments/b2c/ctas/trial?lang=ja", "trial=42, core=7", v42ja},
		{trialPath, "core=7", v43},
		{trialPath, "trial=43, core=8", both},
		{trialPath, "unrelated=999", both},
		{trialPath, "", both},
	} {
		w := d.get(c.target, "Docs-Pin: "+c.pin)
		require.Equal(t, http.StatusOK, w.Code, c.pin)
		require.Equal(t, c.want, w.Body.String(), c.pin)
	}
	w := d.get(trialPath, "Docs-Pin: trial=42", "Docs-Pin: core=7")
	require.Equal(t, v42, w.Body.String(), "two field lines are one list")
	require.Equal(t, "trial=42, core=7", w.Header().Get("Docs-Version"))
}

func TestAPinnedAnswerHasNoDate(t *testing.T) {
	d := newDesk(t, at(time.Now().Add(time.Hour)))
	require.NotEmpty(t, d.get(trialPath, "Docs-Pin: other=1").Header().Get("Last-Modified"))
	require.Empty(t, d.get(trialPath, "Docs-Pin: core=7").Header().Get("Last-Modified"))
}

func TestPinsOfWhatIsNotKept(t *testing.T) {
	d := newDesk(t, nil)
	for pin, status := range map[string]int{
		"trial=44": 404, "trial=41": 410, "core=8": 404, "trial=42, core=1": 410,
	} {
		w := d.get(trialPath, "Docs-Pin: "+pin)
		require.Equal(t, status, w.Code, pin)
		id, version, _ := strings.Cut(pin[strings.LastIndexByte(pin, ' ')+1:], "=")
		require.Contains(t, w.Body.String(), "version "+version+" of "+id)
	}
}

func TestMalformedPins(t *testing.T) {
	d := newDesk(t, nil)
	for _, pin := range []string{"trial", "trial=", "=42", "trial=0", "trial=-1", "trial=042", "trial=4.2", "Trial=1", "trial= 42",
		"trial=42;a", "trial=42, trial=43", "trial=99999999999999999999", "trial=42 core=7"} {
		w := d.get(trialPath, "Docs-Pin: "+pin)
		require.Equal(t, http.StatusBadRequest, w.Code, pin)
		require.Contains(t, w.Body.String(), "Docs-Pin", pin)
	}
	require.Equal(t, http.StatusOK, d.get(trialPath, "Docs-Pin: trial=42, trial=42").Code)
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, d.get(trialPath, "Docs-Pin: "+strings.Repeat(",", maxPinBytes+1)).Code)
	var many []string
	for i := range maxPins + 1 {
		many = append(many, fmt.Sprintf("d%d=1", i))
	}
	require.Equal(t, http.StatusBadRequest, d.get(trialPath, "Docs-Pin: "+strings.Join(many, ",")).Code)
}

func TestAPinnedVersionAnswersOnlyWhereItWas(t *testing.T) {
	d := newDesk(t, nil)
	d.edit("p1.md", "version: 3\nsegments: [b2b, b2c]", "version: 4\nsegments: [b2c]")
	require.Equal(t, http.StatusNotFound, d.get(trialPath+"/proofs/p1").Code)
	require.Equal(t, http.StatusOK, d.get(trialPath+"/proofs/p1", "Docs-Pin: p1=3").Code)
	require.Equal(t, http.StatusOK, d.get("/v1/segments/b2c/ctas/trial/proofs/p1").Code)
}

func TestVersionsMixedIntoACircleStillEnd(t *testing.T) {
	d := newDesk(t, nil)
	d.write("a.md", "kind: message\nversion: 1\nuses: [core]", "a")
	d.edit("core.md", "version: 7", "version: 8")
	d.raise(42, 43, "x")
	d.edit("trial.md", "[core]", "[a]")
	d.get(trialPath)
	d.write("a.md", "kind: message\nversion: 2", "a")
	d.edit("core.md", "version: 8", "version: 9\nuses: [a]")
	require.Equal(t, "trial=43, a=2", d.get(trialPath).Header().Get("Docs-Version"))
	require.Equal(t, "trial=43, a=1, core=9", d.get(trialPath, "Docs-Pin: a=1").Header().Get("Docs-Version"))
}

func TestVersionsKeptAreBounded(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"memory":  func(o *Options) { o.Limits.Versions = 3 },
		"history": func(o *Options) { o.Limits.Versions = 3; o.History = filepath.Join(filepath.Dir(o.Dir), "history") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, change)
			for v := 42; v < 50; v++ {
				d.raise(v, v+1, "Try it")
				d.get(trialPath)
			}
			require.Equal(t, http.StatusGone, d.get(trialPath, "Docs-Pin: trial=47").Code)
			require.Equal(t, http.StatusOK, d.get(trialPath, "Docs-Pin: trial=48").Code)
			require.Equal(t, http.StatusOK, d.get(trialPath, "Docs-Pin: trial=50").Code)
		})
	}
}

func TestHistoryOutlivesTheProcess(t *testing.T) {
	history := t.TempDir()
	keep := func(o *Options) {
		o.History = history
		o.Now = func() time.Time { return time.Now().Add(time.Hour) }
	}
	d := newDesk(t, keep)
	v42 := d.get(trialPath)
	ja := d.get(trialPath + "?lang=ja").Body.String()
	d.raise(42, 43, "New")
	dated := time.Now().Add(30 * time.Minute)
	require.NoError(t, os.Chtimes(filepath.Join(d.dir, "trial.md"), dated, dated))
	v43 := d.get(trialPath).Body.String()
	d.edit("trial.md", "New", "Edited under the old version")
	d.remove("p1.md")

	date := d.get(trialPath).Header().Get("Last-Modified")
	later := time.Now().Add(time.Minute)
	require.NoError(t, os.Chtimes(filepath.Join(d.dir, "trial.md"), later, later))
	d.start(keep)
	require.Equal(t, v43, d.get(trialPath).Body.String(), "the first bytes of 43")
	require.Equal(t, date, d.get(trialPath).Header().Get("Last-Modified"), "and their date")
	require.Contains(t, d.problems(), "differ from version 43")
	require.Contains(t, d.problems(), "its Proofs are not those")
	pinned := d.get(trialPath, "Docs-Pin: trial=42")
	require.Equal(t, v42.Body.String(), pinned.Body.String())
	require.Equal(t, v42.Header().Get("ETag"), pinned.Header().Get("ETag"))
	require.Equal(t, ja, d.get(trialPath+"?lang=ja", "Docs-Pin: trial=42").Body.String())
	require.Equal(t, http.StatusGone, d.get(trialPath+"/proofs/p1").Code)
	require.Equal(t, http.StatusOK, d.get(trialPath+"/proofs/p1", "Docs-Pin: p1=3").Code)
	require.Equal(t, http.StatusGone, d.get(trialPath, "Docs-Pin: trial=41").Code)

	d.edit("trial.md", "version: 43", "version: 41")
	d.edit("trial.ja.md", "version: 43", "version: 41")
	d.start(keep)
	require.Equal(t, v43, d.get(trialPath).Body.String(), "an unknown version below the highest")
	require.Contains(t, d.problems(), "is 41, but 43 was shown already")
}

func TestTwoOriginsShareAHistory(t *testing.T) {
	history := t.TempDir()
	keep := func(o *Options) { o.History = history }
	d := newDesk(t, keep)
	first := d.origin
	d.start(keep)
	d.raise(42, 43, "First")
	want := ask(first, http.MethodGet, trialPath).Body.String()
	d.edit("trial.md", "First", "Second")
	require.Equal(t, want, d.get(trialPath).Body.String())
	require.Contains(t, want, "First")
}

func TestTheFirstToSaveWins(t *testing.T) {
	h, err := openHistory(t.TempDir(), DefaultLimits(), newMarkdown())
	require.NoError(t, err)
	e := func(body string) *edition {
		return &edition{id: "core", kind: Message, version: 1, lang: "en",
			files: map[string][]byte{"core.md": []byte("---\nid: core\nkind: message\nversion: 1\n---\n" + body)}}
	}
	first, err := h.save(e("one"), 10)
	require.NoError(t, err)
	require.Nil(t, first)
	first, err = h.save(e("two"), 10)
	require.NoError(t, err)
	require.Equal(t, "<p>one</p>", first.in("en").html)
}

func TestADamagedHistory(t *testing.T) {
	history := t.TempDir()
	d := newDesk(t, func(o *Options) { o.History = history })
	d.raise(42, 43, "New")
	d.get(trialPath)
	require.NoError(t, os.WriteFile(filepath.Join(history, "trial", "42", "trial.md"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(history, "core", "7", "core.md"), []byte("---\n"), 0o644))
	d.start(func(o *Options) { o.History = history })
	require.Equal(t, http.StatusGone, d.get(trialPath, "Docs-Pin: trial=42").Code)
	require.Contains(t, d.problems(), "core.md: version: load version 7 of core from history: damaged")
	require.Contains(t, d.get(trialPath).Body.String(), "New")
	require.Contains(t, d.get(trialPath).Header().Get("Docs-Version"), "core=7")
}

func TestAHistoryThatCannotBeWritten(t *testing.T) {
	history := filepath.Join(t.TempDir(), "h")
	d := newDesk(t, func(o *Options) { o.History = history })
	require.NoError(t, os.RemoveAll(history))
	require.NoError(t, os.WriteFile(history, nil, 0o644)) // a file where the folder was
	d.raise(42, 43, "New")
	require.Contains(t, d.get(trialPath).Body.String(), "New")
	require.Contains(t, d.problems(), "trial.md: history: save version 43 of trial")
	require.Equal(t, http.StatusOK, d.get(trialPath, "Docs-Pin: trial=42").Code, "from memory")
	_, err := New(Options{Dir: d.dir, History: history})
	require.ErrorContains(t, err, "open history")
}

func FuzzDocsPin(f *testing.F) {
	f.Add("trial=41, x=2")
	f.Add(",,a=1,a=1 ,\tb=9007199254740991")
	f.Add("a=1, a=2")
	f.Fuzz(func(t *testing.T, field string) {
		ps, no := parsePins(field)
		if no != nil {
			require.Contains(t, no.detail, "Docs-Pin")
			return
		}
		require.LessOrEqual(t, len(ps), maxPins)
		for id, v := range ps {
			require.True(t, validID(id) && v >= 1 && v <= MaxVersion)
		}
	})
}
