package compare

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// PIDs returns the peer's processes: the one that was started and all that
// descend from it, in rising order.
func (p *Process) PIDs() ([]int, error) {
	children := map[int][]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// After the name in brackets: state, then the parent (proc_pid_stat(5)).
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || len(fields) < 2 {
			return nil, fmt.Errorf("%s is not a process status", file)
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("%s names no parent: %w", file, err)
		}
		children[parent] = append(children[parent], pid)
	}
	all := []int{p.cmd.Process.Pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	slices.Sort(all)
	return all, nil
}

// pss is the memory of the peer's processes in bytes, where what several share
// counts in parts (proc_pid_smaps(5)).
func (p *Process) pss() (int64, error) {
	pids, err := p.PIDs()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("read memory of %s: %w", p.Name, err)
		}
		n, err := parsePSS(text)
		if err != nil {
			return 0, fmt.Errorf("read memory of %s: %w", p.Name, err)
		}
		sum += n
	}
	return sum, nil
}

func parsePSS(text []byte) (int64, error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "Pss:" && fields[2] == "kB" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil || n < 0 || n > 1<<40 {
				return 0, fmt.Errorf("memory of %.40q kB", fields[1])
			}
			return n << 10, nil
		}
	}
	return 0, fmt.Errorf("no Pss in %.80q", text)
}

// disk is what the files of the peer's folder take on their disk.
func (p *Process) disk() (int64, error) {
	var sum int64
	err := filepath.Walk(p.dir, func(_ string, info os.FileInfo, err error) error {
		if os.IsNotExist(err) {
			return nil // evicted meanwhile
		}
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			sum += allocated(info)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure files of %s: %w", p.Name, err)
	}
	return sum, nil
}
