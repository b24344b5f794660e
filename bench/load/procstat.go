package load

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"time"
)

// tick is the unit of times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// procTimes is the processor time of a process, of all its threads.
type procTimes struct {
	user, system time.Duration
	started      int64 // ticks since boot: tells a process from a later one with its id
}

// readProc reads /proc/PID/stat (proc_pid_stat(5)).
func readProc(pid int) (procTimes, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procTimes{}, fmt.Errorf("read processor time of process %d: %w", pid, err)
	}
	t, err := parseProcStat(text)
	if err != nil {
		return procTimes{}, fmt.Errorf("read processor time of process %d: %w", pid, err)
	}
	return t, nil
}

// parseProcStat takes fields 14 (utime), 15 (stime) and 22 (starttime). The
// second field, the program's name, may hold spaces and brackets; it ends at
// the last closing one.
func parseProcStat(text []byte) (t procTimes, err error) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return t, fmt.Errorf("not a process status: %.40q", text)
	}
	fields := bytes.Fields(text[end+1:]) // the first is field 3
	if len(fields) < 20 {
		return t, fmt.Errorf("process status of %d fields", len(fields)+2)
	}
	var values [3]int64
	for i, at := range [3]int{14, 15, 22} {
		v, ok := parseDecimal(fields[at-3])
		if !ok || v > math.MaxInt64/int64(tick) {
			return t, fmt.Errorf("field %d of a process status is %.40q", at, fields[at-3])
		}
		values[i] = v
	}
	return procTimes{time.Duration(values[0]) * tick, time.Duration(values[1]) * tick, values[2]}, nil
}

// readProcs reads several processes.
func readProcs(pids []int) ([]procTimes, error) {
	all := make([]procTimes, len(pids))
	for i, pid := range pids {
		t, err := readProc(pid)
		if err != nil {
			return nil, err
		}
		all[i] = t
	}
	return all, nil
}
