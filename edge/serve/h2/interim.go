package h2

import "github.com/letteros/letteredge/edge"

var _ edge.Informer = (*stream)(nil)

// Inform writes an interim response (RFC 9113 §8.1), which no answer may have
// gone before.
func (st *stream) Inform(status int, fields []edge.Field) {
	st.c.mu.Lock()
	st.informLocked(status, fields)
	st.c.mu.Unlock()
	st.c.flush()
}

func (st *stream) informLocked(status int, fields []edge.Field) {
	if st.ended != nil || st.answered {
		return
	}
	b := appendStatus(st.c.beginBlockLocked(nil), status)
	for i := range fields {
		b, _ = appendOthers(b, fields[i].Name, fields[i].Value, false)
	}
	st.c.blockLocked(st.id, b, false)
}
