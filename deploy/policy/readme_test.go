package policy

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// markdown is what of a Markdown text a machine can hold against the tree.
type markdown struct {
	blocks []block
	spans  []string // inline code
	links  []string // targets within the repository
}

// block is a code block, fenced or indented by four spaces.
type block struct{ language, text string }

var (
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	linkTarget = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)
)

func readMarkdown(text string) markdown {
	var m markdown
	var prose, code strings.Builder
	fence, language := false, ""
	end := func() {
		if code.Len() > 0 {
			m.blocks = append(m.blocks, block{language, code.String()})
		}
		code.Reset()
		language = ""
	}
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			end()
			if fence = !fence; fence {
				language = strings.TrimSpace(line[3:])
			}
		case fence:
			code.WriteString(line)
		case strings.HasPrefix(line, "    "):
			code.WriteString(line[4:])
		default:
			end()
			prose.WriteString(line)
		}
	}
	end()
	for _, found := range inlineCode.FindAllStringSubmatch(prose.String(), -1) {
		m.spans = append(m.spans, found[1])
	}
	for _, found := range linkTarget.FindAllStringSubmatch(prose.String(), -1) {
		if !strings.Contains(found[1], "://") {
			m.links = append(m.links, found[1])
		}
	}
	return m
}

// usage is one use of a program of ours in a text: the words after its name up
// to the first flag, and every flag of the line.
type usage struct {
	line  string
	words []string // program, subcommands, perhaps an argument
	flags []string
}

var (
	word     = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	longFlag = regexp.MustCompile(`--[a-z][a-z0-9-]*`)
)

// usages finds where a text runs, or tells how to run, edged, edgectl, edgebench.
func (m markdown) usages() []usage {
	var lines []string
	for _, b := range m.blocks {
		lines = slices.AppendSeq(lines, strings.Lines(b.text))
	}
	lines = append(lines, m.spans...)
	var out []usage
	for _, line := range lines {
		for segment := range strings.SplitSeq(line, "|") {
			command, _, _ := strings.Cut(strings.TrimSpace(segment), "  ") // a description may follow in its column
			fields := strings.Fields(command)
			if len(fields) > 0 && fields[0] == "$" {
				fields = fields[1:]
			}
			if len(fields) > 2 && fields[0] == "go" && fields[1] == "run" {
				fields = fields[2:]
			}
			if len(fields) == 0 {
				continue
			}
			program := strings.TrimPrefix(fields[0], "./cmd/")
			if !slices.Contains([]string{"edged", "edgectl", "edgebench"}, program) {
				continue
			}
			u := usage{line: strings.TrimSpace(line), words: []string{program}, flags: longFlag.FindAllString(segment, -1)}
			for _, f := range fields[1:] {
				if !word.MatchString(f) {
					break
				}
				u.words = append(u.words, f)
			}
			out = append(out, u)
		}
	}
	return out
}

// missing finds what a text promises and the tree does not have: files that it
// links to, and the two commands that a newcomer types first.
func missing(t *tree) []string {
	text, err := fs.ReadFile(t.fsys, "README.md")
	if err != nil {
		return []string{err.Error()}
	}
	m := readMarkdown(string(text))
	var found []string
	for _, want := range []string{"go run ./cmd/edged demo", "go test ./..."} {
		if !slices.ContainsFunc(m.blocks, func(b block) bool { return slices.Contains(strings.Split(b.text, "\n"), want) }) {
			found = append(found, "README.md: no code block has the line "+want)
		}
	}
	for _, link := range m.links {
		if _, err := fs.Stat(t.fsys, path.Clean(link)); err != nil {
			found = append(found, "README.md: links to "+link+", which is not there")
		}
	}
	return found
}

func TestReadmeNamesWhatIsThere(t *testing.T) {
	breaks(t, missing, map[string]string{"README.md": "# X\n\n    go run ./cmd/edged demo\n\n[a](edge/doc.go) [b](edge/doc.go#x) [c](https://example.org/x) [d](edge/none.md)\n", "edge/doc.go": "package edge"},
		"no code block has the line go test ./...", "links to edge/none.md")
	keeps(t, missing)
}

func TestMarkdownIsRead(t *testing.T) {
	m := readMarkdown("Use `edgectl nodes -o json`, `--soft`.\n\n    edged run --origin URL   in front of it; --listen\n    edged check   a file\n    curl --http3 x\n\n" +
		"```console\n$ go run ./cmd/edged demo --json | grep --count x\n$ edgectl quota set b2b --rps 2\n```\n```go\npackage x\n```\n")
	require.Equal(t, []string{"edgectl nodes -o json", "--soft"}, m.spans)
	require.Equal(t, []string{"", "console", "go"}, []string{m.blocks[0].language, m.blocks[1].language, m.blocks[2].language})
	var got []string
	for _, u := range m.usages() {
		got = append(got, fmt.Sprint(u.words, u.flags))
	}
	require.Equal(t, []string{"[edged run] [--origin --listen]", "[edged check] []", "[edged demo] [--json]", "[edgectl quota set b2b] [--rps]", "[edgectl nodes] []"}, got)
}

// programs answers for the built commands, by asking them for help.
type programs struct {
	dir  string
	help map[string]string
}

// helpFor is what a program says of a command line's words; arguments after a
// command may be among them.
func (p *programs) helpFor(t *testing.T, words []string) (string, error) {
	key := strings.Join(words, " ")
	if text, ok := p.help[key]; ok {
		return text, nil
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(p.dir, words[0]), append(slices.Clone(words[1:]), "--help")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s --help: %s", key, strings.TrimSpace(string(out)))
	}
	p.help[key] = string(out)
	return string(out), nil
}

func (p *programs) offers(t *testing.T, words []string, flag string) (bool, error) {
	text, err := p.helpFor(t, words)
	return regexp.MustCompile(`(^|[\s\[,=/])` + regexp.QuoteMeta(flag) + `($|[\s=,\]\[])`).MatchString(text), err
}

func TestReadmeCommandsExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	p := &programs{dir: t.TempDir(), help: map[string]string{}}
	goTool(t, "build", "-o", p.dir, "./cmd/...")

	m := readMarkdown(string(text))
	used := m.usages()
	require.NotEmpty(t, used)
	for _, u := range used {
		if _, err := p.helpFor(t, u.words); err != nil {
			t.Errorf("README.md: %q: %v", u.line, err)
			continue
		}
		for _, flag := range u.flags {
			if ok, _ := p.offers(t, u.words, flag); !ok {
				t.Errorf("README.md: %q: %s has no %s", u.line, strings.Join(u.words, " "), flag)
			}
		}
	}
	// A flag that stands alone belongs to some command that the text mentions.
	for _, span := range m.spans {
		if !longFlag.MatchString(span) || longFlag.FindString(span) != strings.Fields(span)[0] {
			continue
		}
		flag := longFlag.FindString(span)
		if !slices.ContainsFunc(used, func(u usage) bool { ok, _ := p.offers(t, u.words, flag); return ok }) {
			t.Errorf("README.md: `%s`: no command that it mentions has %s", span, flag)
		}
	}

	// The check itself: what does not exist is not found.
	_, err = p.helpFor(t, []string{"edgectl", "nonsense"})
	require.Error(t, err)
	for flag, want := range map[string]bool{"--segment": true, "--segments": false, "--seg": false, "--admin": true} {
		ok, err := p.offers(t, []string{"edgectl", "purge"}, flag)
		require.NoError(t, err)
		require.Equal(t, want, ok, flag)
	}
}

func TestReadmeProgramsCompile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	for i, b := range readMarkdown(string(text)).blocks {
		if b.language != "go" {
			continue
		}
		name := filepath.Join(t.TempDir(), fmt.Sprintf("readme%d.go", i))
		require.NoError(t, os.WriteFile(name, []byte(b.text), 0o600))
		goTool(t, "build", "-o", os.DevNull, name)
	}
}
