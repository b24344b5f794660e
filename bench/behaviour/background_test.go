package behaviour

import "testing"

// try is Get for goroutines: that no answer came is an error, and an empty
// Reply; unless the test has ended meanwhile.
func (r *Readers) try(t *testing.T, proto Proto, target string, fields ...string) *Reply {
	reply, err := r.Do(t.Context(), proto, Ask{Target: target, Fields: fields})
	if err != nil {
		if t.Context().Err() == nil {
			t.Errorf("%s over %s: %v", target, proto, err)
		}
		return &Reply{}
	}
	return reply
}

// later asks in the background. The channel must have room for the answer. The
// test does not end before the request has.
func (r *Readers) later(t *testing.T, into chan<- *Reply, proto Proto, target string, fields ...string) {
	done := make(chan struct{})
	t.Cleanup(func() { <-done }) // its context ends before this
	go func() {
		defer close(done)
		into <- r.try(t, proto, target, fields...)
	}()
}
