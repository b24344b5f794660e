package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line.
type cli struct {
	Demo     demoCmd     `cmd:"" help:"Run three regions of two nodes and a docs origin on loopback, until ^C."`
	Run      runCmd      `cmd:"" help:"Run one node."`
	Check    checkCmd    `cmd:"" help:"Say what is wrong with a configuration file."`
	Defaults defaultsCmd `cmd:"" help:"Print a commented configuration file with every default."`
	Schema   schemaCmd   `cmd:"" help:"Print the JSON Schema of the configuration file."`
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// usageError is wrong use: exit code 2.
type usageError struct{ error }

func main() {
	// quic-go warns through package log where it cannot have the UDP buffers it
	// would like, which is nothing that a reader of the log can act on.
	_ = os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true")
	// net/http writes bytes of origins' answers to the global log where nobody has
	// asked for them. Our own log is injected, so nothing else is lost.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := execute(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// execute runs one command and returns its exit code.
func execute(ctx context.Context, args []string, std streams) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("edged"),
		kong.Description("LetterEdge: an edge cache and quota service. Exit codes: 0 done, 1 failed, 2 wrong use."),
		kong.Writers(std.out, std.err), kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(std))
	if err != nil {
		fmt.Fprintln(std.err, "edged:", err)
		return 1
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help has been answered
		return exit
	}
	if err != nil {
		fmt.Fprintf(std.err, "edged: %v; see edged --help\n", err)
		return 2
	}
	err = parsed.Run()
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(std.err, "edged:", err)
		return 2
	}
	fmt.Fprintln(std.err, "edged:", err)
	return 1
}
