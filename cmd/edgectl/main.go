package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/letteros/letteredge/edge/client"
)

// The exit codes.
const (
	exitDone        = 0
	exitNotDone     = 1
	exitWrongUse    = 2
	exitUnreachable = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cli grammar
	ended := false // by --help
	parser, err := kong.New(&cli,
		kong.Name("edgectl"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(int) { ended = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"default_admin": defaultAdmin},
	)
	if err != nil {
		return fail(stderr, err)
	}
	command, err := parser.Parse(args)
	if ended {
		return exitDone
	}
	if err != nil {
		return fail(stderr, wrongUse{err})
	}
	api, err := client.New(cli.Admin, cli.Token, nil)
	if err != nil {
		return fail(stderr, wrongUse{err})
	}
	defer api.Close()
	command.BindTo(ctx, (*context.Context)(nil))
	return fail(stderr, command.Run(api, &printer{out: stdout, json: cli.Output == "json"}))
}

// wrongUse marks an error of the command line.
type wrongUse struct{ error }

// fail prints an error in one line and returns the exit code that stands for it.
func fail(stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(stderr, "edgectl: "+strings.Join(strings.Fields(printable(err.Error())), " "))
	var use wrongUse
	var unreachable *client.UnreachableError
	switch {
	case errors.As(err, &use):
		return exitWrongUse
	case errors.As(err, &unreachable):
		return exitUnreachable
	}
	return exitNotDone
}
