package origin

import (
	"context"
	"errors"

	"github.com/letteros/letteredge/edge"
)

// What can go wrong beside what the network reports. All come wrapped with the
// operation; ErrUpstreamBusy of package edge says that the cap was reached.
var (
	// ErrRequest: the fetch cannot be sent as it is, whatever the origin does.
	ErrRequest = errors.New("request cannot be sent to the origin")
	// ErrContent: the request's content broke off, which says nothing of the origin.
	ErrContent = errors.New("the content of the request broke off")
	// ErrHeaderTimeout: no header section came in time. It is a
	// context.DeadlineExceeded, as a dial that took too long is.
	ErrHeaderTimeout error = timeoutError("origin sent no header section in time")
	// ErrBodyTimeout: the body stalled. It is a context.DeadlineExceeded too.
	ErrBodyTimeout error = timeoutError("origin stalled in the middle of the body")
	// ErrStatus: a status outside 200 to 599.
	ErrStatus = errors.New("origin answered with an impossible status")
	// ErrField: a field that HTTP does not allow.
	ErrField = errors.New("origin sent a malformed field")
	// ErrUnsolicited: the origin sent something nobody had asked for.
	ErrUnsolicited = errors.New("origin sent bytes before the request")
	// ErrPaused: no server may be asked at this moment, as they failed of late. It
	// is an edge.ErrUpstreamSpared, and an edge.ErrUpstreamBusy.
	ErrPaused error = pausedError("no server of the origin may be asked yet")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("origin client is closed")
)

// timeoutError is a time-out of the client's own making: readers get a 504 and
// not the 502 of an origin that broke off.
type timeoutError string

func (e timeoutError) Error() string        { return string(e) }
func (e timeoutError) Timeout() bool        { return true }
func (e timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// pausedError is a refusal of the client's own making: readers get a stale copy or 503.
type pausedError string

func (e pausedError) Error() string { return string(e) }
func (e pausedError) Is(target error) bool {
	return target == edge.ErrUpstreamBusy || target == edge.ErrUpstreamSpared
}
