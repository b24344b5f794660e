//go:build !linux

package behaviour

import (
	"os/exec"
	"syscall"
)

// endWithParent does nothing where the kernel has no such service.
func endWithParent(*exec.Cmd) {}

// Alive reports whether there is a process of that id.
func Alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
