package load

import (
	"fmt"
	"strconv"
	"time"
)

// Result is what a run measured; its JSON is edgebench's. Times named _us are
// microseconds, those named _s seconds.
type Result struct {
	Proto       string  `json:"proto"`
	Mode        string  `json:"mode"` // open or closed
	Rate        float64 `json:"rate,omitempty"`
	Spacing     string  `json:"spacing,omitempty"`
	Method      string  `json:"method"`
	URL         string  `json:"url"` // the first
	URLs        int     `json:"urls"`
	Choice      string  `json:"choice"`
	Seed        uint64  `json:"seed"`
	Connections int     `json:"connections"`
	Streams     int     `json:"streams"`

	Started     time.Time `json:"started"`
	WarmupS     float64   `json:"warmup_s"`
	WindowS     float64   `json:"window_s"` // as it was, by the clock
	Interrupted bool      `json:"interrupted"`

	Requests   int64            `json:"requests"`   // measured: answered and failed
	Answered   int64            `json:"answered"`   // with any status
	Unexpected int64            `json:"unexpected"` // of these with a status not in Config.Expect
	Failed     int64            `json:"failed"`     // without an answer
	Statuses   map[string]int64 `json:"statuses"`
	Failures   []FailureCount   `json:"failures"`
	Bytes      int64            `json:"bytes"`      // of bodies
	InWindow   int64            `json:"in_window"`  // answers that ended within the window
	PerSecond  float64          `json:"per_second"` // InWindow / WindowS

	Latency Latency  `json:"latency"`
	SendLag *Latency `json:"send_lag,omitempty"` // open loop: how late requests were sent
	CPU     []CPU    `json:"cpu,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// FailureCount is how often requests failed in one way, with one example.
type FailureCount struct {
	Failure string `json:"failure"`
	Count   int64  `json:"count"`
	Example string `json:"example,omitempty"`
}

// CPU is the processor time that a server process used within the window.
type CPU struct {
	PID          int     `json:"pid"`
	UserUS       float64 `json:"user_us"`
	SystemUS     float64 `json:"system_us"`
	PerRequestUS float64 `json:"per_request_us"` // over Result.InWindow; 0 if there was none
	Error        string  `json:"error,omitempty"`
}

// Errors counts the requests without an answer or with a status not expected.
func (r *Result) Errors() int64 { return r.Failed + r.Unexpected }

// ErrorRate is Errors over Requests; 1 if nothing was asked.
func (r *Result) ErrorRate() float64 {
	if r.Requests == 0 {
		return 1
	}
	return float64(r.Errors()) / float64(r.Requests)
}

// CPUPerRequest is the processor time of all PIDs per request, or an error if
// it is not known.
func (r *Result) CPUPerRequest() (time.Duration, error) {
	var sum float64
	for _, c := range r.CPU {
		if c.Error != "" {
			return 0, fmt.Errorf("processor time of process %d: %s", c.PID, c.Error)
		}
		sum += c.PerRequestUS
	}
	if len(r.CPU) == 0 || r.InWindow == 0 {
		return 0, fmt.Errorf("processor time per request: %d processes, %d requests", len(r.CPU), r.InWindow)
	}
	return time.Duration(sum * float64(time.Microsecond)), nil
}

func (r *run) result(opened, closed mark, interrupted bool) *Result {
	p := r.plan
	res := &Result{
		Proto: p.Proto.String(), Mode: "closed", Method: p.Method, URL: p.URLs[0], URLs: len(p.URLs),
		Choice: p.Choice.String(), Seed: p.Seed, Connections: p.Connections, Streams: p.Streams,
		Started: r.start.UTC(), WarmupS: p.Warmup.Seconds(), WindowS: closed.at.Sub(opened.at).Seconds(), Interrupted: interrupted,
		Statuses: map[string]int64{}, Failures: []FailureCount{}, InWindow: closed.ended - opened.ended,
	}
	if p.Rate > 0 {
		res.Mode, res.Rate, res.Spacing = "open", p.Rate, p.Spacing.String()
	}
	if res.WindowS > 0 {
		res.PerSecond = float64(res.InWindow) / res.WindowS
	}
	r.rec.fill(res)
	if p.Rate == 0 {
		res.SendLag = nil
	}
	res.CPU = cpu(p.PIDs, opened, closed, res.InWindow)
	return res
}

// fill adds up the shards.
func (r *recorder) fill(res *Result) {
	lat, lag := newHistogram(), newHistogram()
	var sum shard
	for i := range r.shard {
		s := &r.shard[i]
		s.mu.Lock()
		lat.Merge(s.lat)
		lag.Merge(s.lag)
		for status, n := range s.statuses {
			sum.statuses[status] += n
		}
		for f := range s.failed {
			sum.failed[f] += s.failed[f]
			if sum.example[f] == "" {
				sum.example[f] = s.example[f]
			}
		}
		res.Unexpected += s.wrong
		res.Bytes += s.bytes
		s.mu.Unlock()
	}
	for status, n := range sum.statuses {
		if n > 0 {
			res.Statuses[strconv.Itoa(status)] = n
			res.Answered += n
		}
	}
	for f, n := range sum.failed {
		if n > 0 {
			res.Failures = append(res.Failures, FailureCount{Failure(f).String(), n, sum.example[f]})
			res.Failed += n
		}
	}
	res.Requests = res.Answered + res.Failed
	res.Latency = summarize(lat)
	s := summarize(lag)
	res.SendLag = &s
}

func cpu(pids []int, opened, closed mark, requests int64) []CPU {
	var all []CPU
	for i, pid := range pids {
		c := CPU{PID: pid}
		switch {
		case opened.err != nil:
			c.Error = opened.err.Error()
		case closed.err != nil:
			c.Error = closed.err.Error()
		case opened.procs[i].started != closed.procs[i].started:
			c.Error = "the process ended and another has its id"
		default:
			user, system := closed.procs[i].user-opened.procs[i].user, closed.procs[i].system-opened.procs[i].system
			c.UserUS, c.SystemUS = micros(user), micros(system)
			if requests > 0 {
				c.PerRequestUS = micros(user+system) / float64(requests)
			}
		}
		all = append(all, c)
	}
	return all
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
