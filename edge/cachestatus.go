package edge

import "strconv"

// Forward says why a request went beyond the cache (RFC 9211 §2.2).
type Forward uint8

// The reasons of RFC 9211 that this cache has. NotForwarded is a hit.
const (
	NotForwarded Forward = iota
	FwdBypass            // the cache was told not to handle it
	FwdMethod            // the method's semantics require it
	FwdURIMiss           // no stored response for this key
	FwdVaryMiss          // one for the key, but none for the variant
	FwdMiss              // a stored response could not be used
	FwdRequest           // the request's own directives require it
	FwdStale             // a stored response was stale
	forwardCount
)

// String returns the token of RFC 9211, "" for NotForwarded.
func (f Forward) String() string {
	return [...]string{"", "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale"}[f]
}

// CacheStatus is this node's member of the Cache-Status field (RFC 9211). The
// same values are the labels of metrics and logs: one vocabulary.
type CacheStatus struct {
	Hit       bool
	TTL       int64 // seconds of freshness left; negative if stale
	HasTTL    bool
	Fwd       Forward
	FwdStatus int // the status that came from beyond; 0 if none or equal to the answer's
	Stored    bool
	Collapsed bool
	Detail    string // a token; "" for none
}

// append writes the member for node to dst.
func (s *CacheStatus) append(dst []byte, node string) []byte {
	dst = append(dst, node...)
	if s.Hit {
		dst = append(dst, "; hit"...)
	} else if s.Fwd != NotForwarded {
		dst = append(dst, "; fwd="...)
		dst = append(dst, s.Fwd.String()...)
	}
	if s.FwdStatus != 0 {
		dst = append(dst, "; fwd-status="...)
		dst = strconv.AppendInt(dst, int64(s.FwdStatus), 10)
	}
	if s.HasTTL {
		dst = append(dst, "; ttl="...)
		dst = strconv.AppendInt(dst, s.TTL, 10)
	}
	if s.Stored {
		dst = append(dst, "; stored"...)
	}
	if s.Collapsed {
		dst = append(dst, "; collapsed"...)
	}
	if s.Detail != "" {
		dst = append(dst, "; detail="...)
		dst = append(dst, s.Detail...)
	}
	return dst
}
