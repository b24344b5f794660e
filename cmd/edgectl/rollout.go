package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
)

// rolloutArg names a rollout.
type rolloutArg struct {
	ID string `arg:"" name:"rollout" help:"The rollout's id."`
}

// Validate refuses an empty id.
func (a rolloutArg) Validate() error {
	if a.ID == "" {
		return errors.New("<rollout> is missing")
	}
	return nil
}

type rolloutList struct {
	Limit int `help:"How many, the latest first; 0 for all." default:"20" placeholder:"N"`
}

// Validate refuses a limit below 0.
func (c *rolloutList) Validate() error {
	if c.Limit < 0 {
		return fmt.Errorf("--limit must be 0 or more, not %d", c.Limit)
	}
	return nil
}

func (c *rolloutList) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	list, err := api.Rollouts(ctx, c.Limit)
	if err != nil {
		return err
	}
	if done, err := p.object(adminapi.NewList(list, "")); done {
		return err
	}
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		var documents []string
		for _, d := range r.Documents {
			documents = append(documents, fmt.Sprintf("%s=%d", d.ID, d.Version))
		}
		rows = append(rows, []string{r.Rollout, r.State, r.Stage, r.CreatedAt.Format(time.RFC3339), short(strings.Join(documents, ", ")), short(r.Reason)})
	}
	return p.table([]string{"ROLLOUT", "STATE", "STAGE", "CREATED", "DOCUMENTS", "REASON"}, rows)
}

// short cuts a cell to what fits a line.
func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

type rolloutGet struct{ rolloutArg }

func (c *rolloutGet) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	r, err := api.Rollout(ctx, c.ID)
	if err != nil {
		return err
	}
	if done, err := p.object(r); done {
		return err
	}
	for _, line := range picture(r) {
		if err := p.line("%s", line); err != nil {
			return err
		}
	}
	return nil
}

type rolloutWatch struct{ rolloutArg }

func (c *rolloutWatch) Run(ctx context.Context, api *client.Client, p *printer) error {
	last, err := p.followRollout(ctx, api, c.ID)
	if errors.Is(err, context.Canceled) { // how a watch may end
		return nil
	}
	if p.json && last.Rollout != "" {
		err = errors.Join(p.pushed(pushed{&last.Rollout, last.State, last.Stage, last.Reason}), err)
	}
	return errors.Join(err, notDone(last, err))
}

type rolloutPromote struct{ rolloutArg }

func (c *rolloutPromote) Run(ctx context.Context, api *client.Client, p *printer) error {
	return c.command(ctx, api, p, client.Promote)
}

type rolloutAbort struct{ rolloutArg }

func (c *rolloutAbort) Run(ctx context.Context, api *client.Client, p *printer) error {
	return c.command(ctx, api, p, client.Abort)
}

type rolloutRollback struct{ rolloutArg }

func (c *rolloutRollback) Run(ctx context.Context, api *client.Client, p *printer) error {
	return c.command(ctx, api, p, client.Rollback)
}

func (a rolloutArg) command(ctx context.Context, api *client.Client, p *printer, command string) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	r, err := api.Command(ctx, a.ID, command)
	if err != nil {
		return err
	}
	if done, err := p.object(r); done {
		return err
	}
	return p.line("rollout %s: %s%s", printable(r.Rollout), printable(r.State), because(r))
}

func because(r adminapi.Rollout) string {
	if r.Reason == "" {
		return ""
	}
	return ": " + printable(r.Reason)
}

// followRollout shows a rollout until it is final, or paused: drawn anew on a
// terminal, else a line for each change.
func (p *printer) followRollout(ctx context.Context, api *client.Client, id string) (adminapi.Rollout, error) {
	show := p.news()
	if p.json {
		show = func(adminapi.Rollout) error { return nil }
	} else if terminal(p.out) {
		show = p.drawn()
	}
	return api.Follow(ctx, id, func(r adminapi.Rollout) (bool, error) {
		return r.State != "paused", show(r)
	})
}

// terminal reports whether out is one.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// news returns what prints a line for each thing that is new in a rollout.
func (p *printer) news() func(adminapi.Rollout) error {
	told := map[string]string{}
	tell := func(what, state string) error {
		if state == "" || told[what] == state {
			return nil
		}
		told[what] = state
		return p.line("%s", printable(what+": "+state))
	}
	return func(r adminapi.Rollout) error {
		errs := []error{tell("rollout "+r.Rollout, strings.TrimSuffix(r.State+": "+r.Reason, ": "))}
		for _, d := range r.Overtaken {
			errs = append(errs, tell("document "+d.ID, overtaken(d)))
		}
		for _, s := range r.Stages {
			for _, n := range s.Nodes {
				errs = append(errs, tell(s.Stage+" "+n, s.Steps[n]))
			}
			for _, c := range s.Checks {
				if c.Result != "passed" {
					errs = append(errs, tell(s.Stage+" check "+c.Name, c.Result+": "+c.Detail))
				}
			}
			if s.State != "pending" {
				errs = append(errs, tell("stage "+s.Stage, s.State))
			}
		}
		return errors.Join(errs...)
	}
}

// overtaken says that another rollout brings a document.
func overtaken(d adminapi.DocumentCandidate) string {
	return fmt.Sprintf("version %d is left to %s, which is newer", d.Version, d.Rollout)
}

// drawn returns what draws a rollout in the place of what it drew before.
func (p *printer) drawn() func(adminapi.Rollout) error {
	lines := 0
	return func(r adminapi.Rollout) error {
		var b strings.Builder
		if lines > 0 {
			fmt.Fprintf(&b, "\x1b[%dA\x1b[J", lines) // up, and clear what is below
		}
		all := picture(r)
		lines = len(all)
		for _, line := range all {
			b.WriteString(line + "\n")
		}
		if _, err := io.WriteString(p.out, b.String()); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	}
}

// picture tells a rollout in lines, none longer than a terminal is wide.
func picture(r adminapi.Rollout) []string {
	const wide = 79
	lines := []string{"rollout " + r.Rollout + ": " + r.State}
	if r.Reason != "" {
		lines = append(lines, "  "+r.Reason)
	}
	for _, d := range r.Overtaken {
		lines = append(lines, "  "+d.ID+": "+overtaken(d))
	}
	for _, s := range r.Stages {
		lines = append(lines, fmt.Sprintf("  %-9s %s", s.Stage, s.State))
		for _, n := range slices.Sorted(slices.Values(s.Nodes)) {
			lines = append(lines, strings.TrimRight(fmt.Sprintf("    %-16s %s", n, s.Steps[n]), " "))
		}
		for _, c := range s.Checks {
			if c.Result != "passed" {
				lines = append(lines, fmt.Sprintf("    check %s %s: %s", c.Name, c.Result, c.Detail))
			}
		}
	}
	for i, line := range lines {
		line = printable(line)
		if runes := []rune(line); len(runes) > wide {
			line = string(runes[:wide-1]) + "…"
		}
		lines[i] = line
	}
	return lines
}
