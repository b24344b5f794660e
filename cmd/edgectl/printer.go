package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// printer writes results, as tables or as JSON.
type printer struct {
	out  io.Writer
	json bool
}

// object prints v as JSON if that was asked for, and reports whether it was.
func (p *printer) object(v any) (done bool, err error) {
	if !p.json {
		return false, nil
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return true, fmt.Errorf("print: %w", err)
	}
	return true, p.line("%s", text)
}

// line prints one line.
func (p *printer) line(format string, args ...any) error {
	if _, err := fmt.Fprintf(p.out, format+"\n", args...); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// table prints rows below a head, in columns.
func (p *printer) table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			if cell = printable(cell); cell == "" {
				cell = "-"
			}
			row[i] = cell
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// printable replaces what would steer a terminal or break a row: names come from
// the network.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			if r == '\n' || r == '\t' {
				return ' '
			}
			return '\uFFFD'
		}
		return r
	}, s)
}

func number(n int) string { return strconv.Itoa(n) }
