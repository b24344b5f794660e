package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/letteros/letteredge/bench/load"
)

// Exit codes; the help text tells them too.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
)

const description = `Load HTTP servers over HTTP/1.1, HTTP/2 and HTTP/3, and compare them with the bare libraries.

Exit codes: 0 done, 1 not done or errors above --max-error-rate, 2 wrong use, 3 the server cannot be reached.`

// cli is the command line.
type cli struct {
	Load      loadCmd      `cmd:"" help:"Load one or more URLs, open loop (--rate) or closed loop."`
	Floor     floorCmd     `cmd:"" help:"Compare a node's processor time per request with a bare library server's, in turns."`
	Bare      bareCmd      `cmd:"" help:"Run a bare library server that answers as a URL does, until ^C."`
	Origin    originCmd    `cmd:"" help:"Run an origin whose answers, all of one size, are fresh for a day, until ^C."`
	Compare   compareCmd   `cmd:"" help:"Compare a node with the caches installed on this machine: hits, memory, hit ratio."`
	Plot      plotCmd      `cmd:"" help:"Draw the latencies of results of 'load -o json' by percentile."`
	BareChild bareChildCmd `cmd:"" hidden:"" name:"bare-child" help:"A bare server for floor: its answer on stdin, its address on stdout."`
}

// streams are the standard streams, as arguments.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// usageError is wrong use that the parser cannot see.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

// run is the program without its process: it returns the exit code.
func run(ctx context.Context, args []string, std streams) int {
	exited, code := false, exitDone
	parser, err := kong.New(&cli{},
		kong.Name("edgebench"),
		kong.Description(description),
		kong.Writers(std.out, std.err),
		kong.Exit(func(c int) { exited, code = true, c }), // --help
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		return fail(std.err, err)
	}
	parsed, err := parser.Parse(args)
	if exited {
		return code
	}
	if err != nil {
		return fail(std.err, &usageError{err.Error()})
	}
	if err := parsed.Run(); err != nil {
		return fail(std.err, err)
	}
	return exitDone
}

// fail writes an error in one line and returns its exit code.
func fail(w io.Writer, err error) int {
	var field *load.FieldError
	var usage *usageError
	message, code := err.Error(), exitFailed
	switch {
	case errors.As(err, &field):
		message, code = flagOf(field.Field)+": "+field.Reason, exitUsage
	case errors.As(err, &usage):
		code = exitUsage
	case errors.Is(err, load.ErrUnreachable):
		code = exitUnreachable
	}
	fmt.Fprintf(w, "edgebench: %s\n", strings.ReplaceAll(message, "\n", " "))
	return code
}

// flagOf spells a setting as the command line does.
func flagOf(field string) string {
	if field == "url" {
		return "URL"
	}
	return "--" + field
}
