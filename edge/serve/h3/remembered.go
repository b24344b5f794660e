package h3

import (
	"bytes"
	"crypto/tls"
)

// A client that resumes a session may send early data by the settings that it had
// seen when it got the ticket. A server that has other settings now, or that cannot
// tell, must not take such data (RFC 9114 §7.2.4.2; RFC 9204 §3.2.3). So each ticket
// holds the settings; another node of the region, or this one after a change of its
// configuration, looks at them. What QUIC itself remembers is the library's to check.

// rememberedPrefix begins what a ticket holds of ours.
const rememberedPrefix = "letteredge http/3 settings "

// remembering is a TLS configuration for HTTP/3 whose tickets remember a limit of
// field sections, under the name of the stack that gives them: stacks differ in their
// other settings. A session is always resumed; its early data only where it had seen
// the same or less.
func remembering(base *tls.Config, stack string, maxFieldSection int) *tls.Config {
	wrap, unwrap := base.WrapSession, base.UnwrapSession
	if wrap == nil {
		wrap = base.EncryptTicket
	}
	if unwrap == nil {
		unwrap = base.DecryptTicket
	}
	prefix := []byte(rememberedPrefix + stack + " ")
	c := base.Clone()
	c.WrapSession = func(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
		s.Extra = append(s.Extra, appendVarint(bytes.Clone(prefix), uint64(maxFieldSection)))
		return wrap(cs, s)
	}
	c.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		s, err := unwrap(ticket, cs)
		if s != nil && err == nil {
			s.EarlyData = s.EarlyData && sawAtMost(s.Extra, prefix, maxFieldSection)
		}
		return s, err
	}
	return c
}

// sawAtMost reports whether what a ticket holds says that the client had seen this
// limit or a lower one.
func sawAtMost(extra [][]byte, prefix []byte, maxFieldSection int) bool {
	for _, e := range extra {
		if seen, ours := bytes.CutPrefix(e, prefix); ours {
			limit, n := varint(seen)
			return n == len(seen) && n > 0 && limit <= uint64(maxFieldSection)
		}
	}
	return false
}
