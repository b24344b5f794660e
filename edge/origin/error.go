package origin

import "errors"

// What can go wrong beside what the network reports. All come wrapped with the
// operation; ErrUpstreamBusy of package edge says that the cap was reached.
var (
	// ErrRequest: the fetch cannot be sent as it is, whatever the origin does.
	ErrRequest = errors.New("request cannot be sent to the origin")
	// ErrHeaderTimeout: no header section came in time.
	ErrHeaderTimeout = errors.New("origin sent no header section in time")
	// ErrBodyTimeout: the body stalled.
	ErrBodyTimeout = errors.New("origin stalled in the middle of the body")
	// ErrStatus: a status outside 200 to 599.
	ErrStatus = errors.New("origin answered with an impossible status")
	// ErrField: a field that HTTP does not allow.
	ErrField = errors.New("origin sent a malformed field")
	// ErrUnsolicited: the origin sent something nobody had asked for.
	ErrUnsolicited = errors.New("origin sent bytes before the request")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("origin client is closed")
)
