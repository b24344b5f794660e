package docsorigin

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// markdown turns the body of a document into HTML. Raw HTML and links with a
// dangerous scheme are left out: an editor's slip must not become a script on
// a front end.
type markdown struct{ engine goldmark.Markdown }

func newMarkdown() markdown {
	return markdown{goldmark.New(goldmark.WithExtensions(
		// GitHub's flavour, but alignment as an attribute: front ends with a
		// strict Content-Security-Policy drop inline styles.
		extension.Linkify, extension.Strikethrough, extension.TaskList,
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
		// Japanese is wrapped in the source where no space belongs in the text.
		extension.NewCJK(extension.WithEastAsianLineBreaks()),
	))}
}

func (m markdown) html(body string) string {
	var b strings.Builder
	if err := m.engine.Convert([]byte(body), &b); err != nil {
		return "" // writing to a Builder does not fail
	}
	return strings.TrimSpace(b.String())
}
