package edge

import "time"

// Observer is told of what happened, for metrics. Its methods run on the request
// path: they must neither block nor allocate.
type Observer interface {
	// Done is called once for each request, after the reply is complete.
	Done(x *Exchange)
	// Filled is called once for each fetch from an upstream, with the answer's
	// status (0 where none came) and the time to its header section.
	Filled(route string, status int, took time.Duration)
}

// NoObserver observes nothing.
type NoObserver struct{}

// Done does nothing.
func (NoObserver) Done(*Exchange) {}

// Filled does nothing.
func (NoObserver) Filled(string, int, time.Duration) {}
