package behaviour

import (
	"fmt"
	"testing"
)

// Demo is a running `edged demo`.
type Demo struct {
	Origin  string  `json:"origin"`
	DocsDir string  `json:"docs_dir"`
	Token   string  `json:"token"`
	CA      string  `json:"ca"`
	Nodes   []*Node `json:"nodes"`

	*Process `json:"-"`
}

// Demo starts a demo and waits until all of its nodes serve.
func (e Edged) Demo(tb testing.TB, args ...string) *Demo {
	tb.Helper()
	first, last := e.ports(tb)
	d := announcedDemo(tb, e.start(tb, append([]string{"demo", "--json", "--ports", fmt.Sprintf("%d-%d", first, last)}, args...)...))
	for _, n := range d.Nodes {
		n.edged = e
	}
	return d
}

// GoRunDemo is Demo from the sources, as a newcomer starts it.
func GoRunDemo(tb testing.TB, args ...string) *Demo {
	tb.Helper()
	return announcedDemo(tb, launch(tb, "go run edged demo", "go", append([]string{"run", pkg, "demo", "--json"}, args...)...))
}

func announcedDemo(tb testing.TB, p *Process) *Demo {
	tb.Helper()
	d := &Demo{Process: p}
	if err := d.announced(d); err != nil {
		tb.Fatal(err)
	}
	for _, n := range d.Nodes {
		n.Token, n.CA = d.Token, d.CA
		p.others = append(p.others, n.PID)
	}
	return d
}
