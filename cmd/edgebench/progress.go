package main

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// progress shows one line that changes on a terminal, and plain lines elsewhere.
// A nil one shows nothing.
type progress struct {
	w        io.Writer
	terminal bool
}

// newProgress writes beside a text result, and to stderr where stdout is JSON.
func newProgress(std streams, o output) *progress {
	if o.Quiet {
		return nil
	}
	p := &progress{w: std.out}
	if o.Output == "json" {
		p.w = std.err
	}
	if f, ok := p.w.(*os.File); ok {
		p.terminal = isatty.IsTerminal(f.Fd())
	}
	return p
}

func (p *progress) line(text string) {
	if p == nil {
		return
	}
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s", text) // erase to the end of the line
		return
	}
	fmt.Fprintln(p.w, text)
}

// clear leaves the terminal's line to the result.
func (p *progress) clear() {
	if p != nil && p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
