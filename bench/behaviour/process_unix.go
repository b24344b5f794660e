//go:build unix && !linux

package behaviour

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the process the leader of a group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Alive reports whether there is a process of that id.
func Alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
