package docsorigin

import (
	"maps"
	"strconv"
	"sync"
)

// maxStatPaths bounds the paths counted one by one; others share otherPaths.
const maxStatPaths = 10_000

const otherPaths = "(other)"

// Stats is what /stats shows. Requests for /stats itself are not counted, so
// that looking does not change what is seen.
type Stats struct {
	Requests uint64            `json:"requests"`  // since the process began
	ByPath   map[string]uint64 `json:"by_path"`   // without the query; beyond 10,000 paths "(other)"
	ByStatus map[string]uint64 `json:"by_status"` // of answers given: "200", "304", …
	Problems Problems          `json:"problems"`  // what is wrong with the folder now
}

// counts is the sum of requests so far.
type counts struct {
	mu       sync.Mutex // guards what follows
	requests uint64
	byPath   map[string]uint64
	byStatus map[int]uint64
}

func (c *counts) arrived(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.byPath[path]; !known && len(c.byPath) >= maxStatPaths {
		path = otherPaths
	}
	c.requests++
	c.byPath[path]++
}

func (c *counts) answered(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byStatus[status]++
}

func (c *counts) stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	byStatus := map[string]uint64{}
	for status, n := range c.byStatus {
		byStatus[strconv.Itoa(status)] = n
	}
	return Stats{Requests: c.requests, ByPath: maps.Clone(c.byPath), ByStatus: byStatus, Problems: Problems{}}
}
