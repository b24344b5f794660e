package docsorigin

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// EveryPath, as the path of a fault, means each that has none of its own.
const EveryPath = "*"

// Fault is what goes wrong with the answers for one path. Zero fields change
// nothing.
type Fault struct {
	// Before is called first, with the request: to note that it arrived, or to
	// hold it until a test lets go. It must honour the request's context.
	Before func(*http.Request)
	// Delay passes before anything is looked up, or until the client goes.
	Delay time.Duration
	// Abort cuts the connection instead of answering.
	Abort bool
	// Status answers with this status and a problem, as a failing server.
	Status int
	// Body replaces a good answer's body and no field of it: a wrong artifact
	// that looks right.
	Body []byte
	// Header replaces fields of the answer; one without values is removed.
	Header http.Header
	// Times is how many requests meet the fault; 0 is all, until it is cleared.
	Times int
}

// Faults is a set of faults by path, to be changed while an Origin serves. The
// zero value has none. It has no route of its own: who can set it holds it.
type Faults struct {
	mu     sync.Mutex
	byPath map[string]Fault
}

// Set puts a fault in place of that path's former one. The path is without
// the query.
func (f *Faults) Set(path string, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byPath == nil {
		f.byPath = map[string]Fault{}
	}
	f.byPath[path] = fault
}

// Clear ends the fault of a path.
func (f *Faults) Clear(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byPath, path)
}

// Reset ends all faults.
func (f *Faults) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.byPath)
}

// take gives the fault one request meets. f may be nil.
func (f *Faults) take(path string) Fault {
	if f == nil {
		return Fault{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fault, ok := f.byPath[path]
	if !ok {
		path = EveryPath
		if fault, ok = f.byPath[path]; !ok {
			return Fault{}
		}
	}
	switch left := fault; fault.Times {
	case 0:
	case 1:
		delete(f.byPath, path)
	default:
		left.Times--
		f.byPath[path] = left
	}
	return fault
}

// wait lets Before and Delay pass. It is false if the client went meanwhile.
func (f Fault) wait(r *http.Request) bool {
	if f.Before != nil {
		f.Before(r)
	}
	if f.Delay > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), f.Delay)
		defer cancel()
		<-ctx.Done()
	}
	return r.Context().Err() == nil
}

// spoil applies what is wrong to an answer.
func (f Fault) spoil(r *reply) *reply {
	if f.Status != 0 {
		r = refuse(f.Status, "a fault was set for this path").reply()
	}
	if f.Body != nil && r.status == http.StatusOK {
		r.body = f.Body
	}
	for name, values := range f.Header {
		name = http.CanonicalHeaderKey(name)
		if r.header[name] = values; len(values) == 0 {
			delete(r.header, name)
		}
	}
	return r
}
