package bare

import (
	"bytes"
	"sync"
)

const maxSaid = 4 << 10

// complaint keeps the first 4 KiB that a child wrote to stderr and drops the
// rest.
type complaint struct {
	mu   sync.Mutex // guards text: exec's copying goroutine writes
	text []byte
}

// Write never fails: a child is not to block on what nobody reads.
func (c *complaint) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p[:min(len(p), maxSaid-len(c.text))]...)
	return len(p), nil
}

// String returns what was kept.
func (c *complaint) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(bytes.TrimSpace(c.text))
}
