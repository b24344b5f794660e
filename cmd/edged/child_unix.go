//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// leaveGroup puts a node into a process group of its own, so that a ^C at the
// terminal reaches the demo alone, which then ends its nodes in order.
func leaveGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
