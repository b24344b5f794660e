package behaviour

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the process the leader of a group. The kernel kills it when the
// test binary dies, which a time-out lets it do without any cleanup.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Alive reports whether there is a process of that id that has not ended. One
// that waits to be reaped by whoever inherited it has.
func Alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The name, in parentheses, may hold anything; the state follows it.
	_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')'):], []byte(" "))
	return len(rest) > 0 && rest[0] != 'Z' && rest[0] != 'X'
}
