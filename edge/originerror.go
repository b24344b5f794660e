package edge

import (
	"strings"

	"github.com/letteros/letteredge/edge/freshness"
)

// originError is what those who wait for another's answer are told where that is an
// error which may not be shared: what the origin says of itself, and nothing that it
// may have said to the one who asked.
type originError struct {
	status     int
	retryAfter string // "" for none
}

// Error says whose error it is.
func (e *originError) Error() string { return "the origin answered with an error of its own" }

func (e *originError) title() string {
	switch e.status {
	case 500:
		return "Internal Server Error"
	case 501:
		return "Not Implemented"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Gateway Timeout"
	}
	return "Origin Error"
}

// forLeader leaves an answer to the leader of its flight. Those who wait are told no
// more than its status, and where that is an error when to come back.
func forLeader(ans *Answer) outcome {
	o := outcome{private: true, answer: ans, status: ans.Status}
	if ans.Status >= 500 {
		o.retryAfter = retryAfter(ans)
	}
	return o
}

// maxDelay bounds the digits of a delay in seconds: a hundred years are enough.
const maxDelay = len("3155760000")

// retryAfter is an answer's Retry-After, "" if it has none that is one (RFC 9110
// §10.2.3).
func retryAfter(ans *Answer) string {
	text := fieldLines(ans.Fields).Get("Retry-After")
	if text == "" {
		return ""
	}
	if len(text) <= maxDelay && strings.Trim(text, "0123456789") == "" {
		return text
	}
	if _, ok := freshness.ParseDate(text, ans.ResponseAt); ok {
		return text
	}
	return ""
}
