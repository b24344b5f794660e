package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/plot"
)

type plotCmd struct {
	File  []string `arg:"" name:"FILE" type:"path" help:"Results of 'edgebench load -o json'; at most 8."`
	Out   string   `required:"" type:"path" placeholder:"FILE" help:"Where to draw: an .svg or .html file."`
	Title string   `default:"Latency by percentile" help:"Title of the drawing."`
	Name  []string `help:"Name of each series, in the order of the files (default: the files' names)."`
}

const maxResult = 16 << 20 // bytes of a result file

// Run draws results.
func (c *plotCmd) Run() error {
	if err := checkPlotFile("--out", c.Out); err != nil {
		return err
	}
	if len(c.File) > plot.MaxSeries {
		return &usageError{fmt.Sprintf("FILE: may be given at most %d times, not %d", plot.MaxSeries, len(c.File))}
	}
	if len(c.Name) > len(c.File) {
		return &usageError{fmt.Sprintf("--name: may be given once for each file, not %d times for %d", len(c.Name), len(c.File))}
	}
	chart := plot.Chart{Title: c.Title}
	for i, file := range c.File {
		data, err := readLimited(file, maxResult)
		if err != nil {
			return &usageError{"FILE: " + err.Error()}
		}
		var res load.Result
		if err := json.Unmarshal(data, &res); err != nil || len(res.Latency.Percentiles) == 0 {
			return &usageError{fmt.Sprintf("FILE: %s must be a result of 'edgebench load -o json' with latencies", file)}
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if i < len(c.Name) {
			name = c.Name[i]
		}
		chart.Series = append(chart.Series, series(name, res.Latency))
	}
	return writePlot(c.Out, chart)
}

// checkPlotFile refuses before the load what could not be written after it.
func checkPlotFile(flag, name string) error {
	if ext := filepath.Ext(name); ext != ".svg" && ext != ".html" {
		return &usageError{fmt.Sprintf("%s: must name an .svg or .html file, not %.80q", flag, name)}
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return &usageError{fmt.Sprintf("%s: must lie in a folder that exists: %.80q", flag, filepath.Dir(name))}
	}
	return nil
}

func writePlot(name string, c plot.Chart) error {
	var b bytes.Buffer
	draw := plot.SVG
	if filepath.Ext(name) == ".html" {
		draw = plot.HTML
	}
	if err := draw(&b, c); err != nil {
		return err
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

func series(name string, l load.Latency) plot.Series {
	s := plot.Series{Name: name}
	for _, p := range l.Percentiles {
		s.Points = append(s.Points, plot.Point{Percent: p.Percent, Latency: time.Duration(p.US * float64(time.Microsecond))})
	}
	return s
}

func seriesName(r *load.Result) string {
	if r.Mode == "open" {
		return fmt.Sprintf("%s, %g/s", r.Proto, r.Rate)
	}
	return fmt.Sprintf("%s, closed loop", r.Proto)
}
