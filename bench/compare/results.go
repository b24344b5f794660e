package compare

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// Section replaces the part of a Markdown file that an earlier call with the
// same name wrote, or adds it at the file's end. It stands between two comments.
func Section(file, name string, report *Report) error {
	if name == "" || strings.ContainsAny(name, "\n<>") || strings.Contains(name, "--") {
		return fmt.Errorf("section %.40q: must be a name of one line without <, > and --", name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("write section %s: %w", name, err)
	}
	begin, end := "<!-- edgebench compare: "+name+" -->\n", "<!-- end: "+name+" -->\n"
	var part bytes.Buffer
	part.WriteString(begin)
	if err := report.WriteText(&part); err != nil {
		return err
	}
	part.WriteString(end)
	before, rest, found := strings.Cut(string(text), begin)
	if !found {
		return save(file, strings.TrimRight(string(text), "\n")+"\n\n"+part.String())
	}
	_, after, closed := strings.Cut(rest, end)
	if !closed {
		return fmt.Errorf("write section %s: %s has no line %q after %q", name, file, strings.TrimSpace(end), strings.TrimSpace(begin))
	}
	return save(file, before+part.String()+after)
}

func save(file, text string) error {
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
