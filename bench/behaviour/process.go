package behaviour

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Process is a running edged.
type Process struct {
	tb    testing.TB
	name  string
	temp  string // its temporary folder: a killed process leaves things there
	cmd   *exec.Cmd
	first chan string // its first line of stdout; closed without one if it had none
	logs  *tail
	ended chan struct{} // closed after it has been waited for
	// others end after it, by themselves: the nodes of a demo.
	others []int
}

// start runs the binary.
func (e Edged) start(tb testing.TB, args ...string) *Process {
	tb.Helper()
	return launch(tb, "edged "+args[0], e.path, args...)
}

// launch runs a program. It is killed when the test ends, if it still runs.
func launch(tb testing.TB, name, path string, args ...string) *Process {
	tb.Helper()
	dependOnSources(tb)
	temp, err := os.MkdirTemp("", "letteredge-process-")
	if err != nil {
		tb.Fatalf("start %s: %v", name, err)
	}
	p := &Process{
		tb: tb, name: name, temp: temp, cmd: exec.Command(path, args...),
		first: make(chan string, 1), logs: &tail{most: 8 << 10}, ended: make(chan struct{}),
	}
	p.cmd.Env = append(p.cmd.Environ(), "TMPDIR="+temp)
	p.cmd.Stderr = p.logs
	ownGroup(p.cmd)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		tb.Fatalf("start %s: %v", p.name, err)
	}
	started := make(chan error)
	go func() {
		// The kernel counts the thread that forked as the parent: it must live as
		// long as the process does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.read(stdout)
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	if err := <-started; err != nil {
		tb.Fatalf("start %s: %v", p.name, err)
	}
	tb.Cleanup(p.finish)
	return p
}

// read takes the first line of stdout and drops the rest.
func (p *Process) read(stdout io.Reader) {
	r := bufio.NewReader(stdout)
	if line, err := r.ReadString('\n'); err == nil {
		p.first <- line
	}
	close(p.first)
	_, _ = io.Copy(io.Discard, r) // until it closes
}

// announced decodes the JSON line that says that the process serves.
func (p *Process) announced(into any) error {
	select {
	case line, ok := <-p.first:
		if !ok {
			return fmt.Errorf("%s ended before it served:\n%s", p.name, p.logs)
		}
		if err := json.Unmarshal([]byte(line), into); err != nil {
			return fmt.Errorf("%s announced %q: %w", p.name, line, err)
		}
		return nil
	case <-time.After(startTimeout):
		return fmt.Errorf("%s does not serve after %v:\n%s", p.name, startTimeout, p.logs)
	}
}

// startTimeout bounds the wait until a process serves. It is generous: the
// machine may be busy with other tests.
const startTimeout = 2 * time.Minute

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Logs returns the last of what the process wrote to stderr.
func (p *Process) Logs() string { return p.logs.String() }

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.tb.Fatalf("signal %s: %v", p.name, err)
	}
}

// Kill kills the process with SIGKILL and waits for its end.
func (p *Process) Kill() {
	p.tb.Helper()
	p.Signal(syscall.SIGKILL)
	p.Wait()
}

// Wait waits for the end of the process, and returns its exit code; -1 if a
// signal ended it.
func (p *Process) Wait() int {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.tb.Fatalf("%s did not end:\n%s", p.name, p.logs)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Running reports whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Interrupt sends SIGINT to the process and whatever it runs in its group, as a
// terminal does on ^C.
func (p *Process) Interrupt() {
	p.tb.Helper()
	if err := syscall.Kill(-p.PID(), syscall.SIGINT); err != nil {
		p.tb.Fatalf("interrupt %s: %v", p.name, err)
	}
}

func (p *Process) finish() {
	// The group too: `go run` leaves behind what it runs. It is there as long as
	// its leader has not been waited for.
	if p.Running() {
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // it may have ended just now
	}
	<-p.ended
	for _, pid := range p.others {
		Settle(func() bool { return !Alive(pid) })
	}
	_ = os.RemoveAll(p.temp) // a temporary folder: the system clears what is left
	if p.tb.Failed() {
		p.tb.Logf("%s (pid %d) logged:\n%s", p.name, p.PID(), p.logs)
	}
}
