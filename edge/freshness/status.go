package freshness

// HeuristicallyCacheable reports whether responses of that status may be kept
// without explicit freshness (RFC 9110 §15.1).
func HeuristicallyCacheable(status int) bool {
	switch status {
	case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// IsError reports whether a status is one on which stale-if-error lets a stale
// copy stand in (RFC 5861 §4).
func IsError(status int) bool {
	switch status {
	case 500, 502, 503, 504:
		return true
	}
	return false
}

// understood reports whether this cache knows and follows what the status asks
// of caches, as must-understand demands (RFC 9111 §5.2.2.3): the final codes of
// RFC 9110 but 206 and 304, which are never stored as they are.
func understood(status int) bool {
	switch {
	case 200 <= status && status <= 205,
		300 <= status && status <= 303,
		status == 305, status == 307, status == 308,
		400 <= status && status <= 417,
		status == 421, status == 422, status == 426,
		500 <= status && status <= 505:
		return true
	}
	return false
}
