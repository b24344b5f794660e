package h2

import "github.com/letteros/letteredge/edge"

var _ edge.Informer = (*stream)(nil)

// Inform writes an interim response (RFC 9113 §8.1), which no answer may have
// gone before.
func (st *stream) Inform(status int, fields []edge.Field) {
	b := appendStatus(nil, status)
	for i := range fields {
		b, _ = appendOthers(b, fields[i].Name, fields[i].Value, false)
	}
	c := st.c
	c.mu.Lock()
	if st.ended == nil && !st.answered {
		c.blockLocked(st.id, b, false)
	}
	c.mu.Unlock()
	c.flush()
}
