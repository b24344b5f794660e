package statedb

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test binary starts itself as another process that has the file open.
const childPath = "STATEDB_TEST_CHILD"

// playChild appends purges and tells the number of each once it is durable,
// until it is killed.
func playChild() bool {
	path := os.Getenv(childPath)
	if path == "" {
		return false
	}
	db, err := Open(path, Options{})
	if err != nil {
		fmt.Println(err)
		return true
	}
	for seq := uint64(1); ; seq++ {
		if err := db.Purges().Append(record(seq)); err != nil {
			fmt.Println(err)
			return true
		}
		fmt.Println(seq)
	}
}

type child struct {
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startChild(t *testing.T, path string) *child {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	c := &child{cmd: exec.Command(exe)}
	c.cmd.Env = append(os.Environ(), childPath+"="+path)
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	c.out = bufio.NewScanner(out)
	t.Cleanup(c.kill)
	return c
}

// told reads the next number that the child tells.
func (c *child) told(t *testing.T) uint64 {
	t.Helper()
	require.True(t, c.out.Scan())
	n, err := strconv.ParseUint(strings.TrimSpace(c.out.Text()), 10, 64)
	require.NoError(t, err, c.out.Text())
	return n
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func TestTwoProcessesCannotShareAFile(t *testing.T) {
	path := statePath(t)
	c := startChild(t, path)
	c.told(t)
	began := time.Now()
	_, err := Open(path, Options{Timeout: 200 * time.Millisecond})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, "open state file "+path+": another process has it open")
	require.Less(t, time.Since(began), 30*time.Second)
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	path := statePath(t)
	c := startChild(t, path)
	var last uint64
	for last < 20 {
		last = c.told(t)
	}
	require.NoError(t, c.cmd.Process.Kill())
	for c.out.Scan() {
		if n, err := strconv.ParseUint(c.out.Text(), 10, 64); err == nil {
			last = n
		}
	}
	c.kill()
	recs := replayed(t, openAt(t, path, Options{}))
	require.GreaterOrEqual(t, uint64(len(recs)), last)
	for i, rec := range recs {
		require.Equal(t, record(uint64(i+1)), rec)
	}
}
