package behaviour

import "sync"

// tail keeps the last bytes written to it.
type tail struct {
	most int
	mu   sync.Mutex // guards text
	text []byte
}

// Write keeps p, and drops what is too long ago.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - t.most; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
