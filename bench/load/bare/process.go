package bare

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Command is how to run a program whose process calls Child.
type Command struct {
	Path string
	Args []string
	Env  []string // nil: this process's
}

// Process is a bare server in a process of its own.
type Process struct {
	Info
	cmd   *exec.Cmd
	stdin io.Closer
	said  *complaint
}

const (
	startLimit = 10 * time.Second
	stopLimit  = 5 * time.Second
)

// Start runs a bare server and returns once it listens. The caller calls Stop.
func Start(ctx context.Context, c Command, spec Spec) (*Process, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(c.Path, c.Args...), said: &complaint{}}
	p.cmd.Env, p.cmd.Stderr = c.Env, p.said
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start bare server: %w", err)
	}
	p.stdin = stdin
	// A pipe of our own: Wait closes StdoutPipe's while it may be read.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start bare server: %w", errors.Join(err, stdin.Close()))
	}
	defer func() { _ = r.Close() }() // all that is wanted of it has been read
	p.cmd.Stdout = w
	err = p.cmd.Start()
	_ = w.Close() // the child's copy is the one that writes
	if err != nil {
		return nil, fmt.Errorf("start bare server: %w", errors.Join(err, stdin.Close()))
	}
	if err := p.greet(ctx, stdin, r, spec); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// greet sends the Spec and reads the Info.
func (p *Process) greet(ctx context.Context, stdin io.Writer, stdout *os.File, spec Spec) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		_ = p.cmd.Process.Kill()                    // a child that has gone is what is wanted
		_ = stdout.SetReadDeadline(time.Unix(1, 0)) // wakes the read below
	})
	defer stop()
	if err := json.NewEncoder(stdin).Encode(spec); err != nil {
		return fmt.Errorf("start bare server: %w: %s", err, p.said)
	}
	line, err := bufio.NewReader(io.LimitReader(stdout, 64<<10)).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("start bare server: no address: %w: %s", err, p.said)
	}
	if err := json.Unmarshal(line, &p.Info); err != nil {
		return fmt.Errorf("start bare server: address: %w", err)
	}
	return nil
}

// Stop ends the process and waits for it.
func (p *Process) Stop() error {
	_ = p.stdin.Close() // the child's cue; one that has gone does not hear it
	timer := time.AfterFunc(stopLimit, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("stop bare server: %w: %s", err, p.said)
	}
	return nil
}
