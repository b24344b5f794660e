package section

import (
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/gate"
)

// Head is what a header section says of its request beside its fields.
type Head struct {
	Method    string
	Authority string // of :authority, else Host
	Target    string // :path; the authority of a CONNECT
	Expect    string
	Length    int64 // Content-Length; -1 if there is none
	Priority  Importance
	// Prioritized: the client has said something of it.
	Prioritized bool

	scheme, host string
}

// Fill makes req the request of a section that is one, or tells why it is refused.
// The method is told in any case: an answer to HEAD has no content.
func (s *Section) Fill(req *edge.Request, maxBody int64) gate.Refusal {
	h := &s.head
	req.Method = edge.ParseMethod(h.Method)
	req.MethodText = h.Method
	if bad := gate.CheckTarget(h.Target); bad.Refused() {
		return bad
	}
	if bad := gate.CheckHost(h.Authority); bad.Refused() {
		return bad
	}
	if bad := gate.CheckExpect(h.Expect); bad.Refused() {
		return bad
	}
	if h.Length > maxBody {
		return gate.TooLarge(maxBody)
	}
	req.TLS = true
	req.Host = h.Authority
	req.Target = h.Target
	req.Fields = s
	return gate.Refusal{}
}

// addPseudo notes a pseudo-field: each at most once, and before all others (RFC
// 9113 §8.3, RFC 9114 §4.3).
func (s *Section) addPseudo(k Kind, value string) {
	switch {
	case s.seen[k] > 1:
		s.fault = "a pseudo-field came twice"
	case s.count > s.pseudos():
		s.fault = "a pseudo-field came after a field"
	}
	switch k {
	case Method:
		s.head.Method = value
	case Scheme:
		s.head.scheme = value
	case Authority:
		s.head.Authority = value
	case Path:
		s.head.Target = value
	}
}

func (s *Section) pseudos() int {
	return int(s.seen[Method]) + int(s.seen[Scheme]) + int(s.seen[Authority]) + int(s.seen[Path])
}

// addKnown notes a field that says something to the transport. Those that are
// its own business are kept from the core, as HTTP/1.1 does.
func (s *Section) addKnown(n Name, value string) {
	switch n.Kind {
	case Host:
		s.head.host = value
		if s.seen[Host] > 1 {
			s.fault = "Host came twice"
		}
		return
	case ContentLength:
		var ok bool
		if s.head.Length, ok = parseLength(value); !ok || s.seen[ContentLength] > 1 {
			s.fault = "Content-Length is no one number"
		}
		return
	case Hop:
		s.fault = "a field of a single connection (RFC 9113 §8.2.2, RFC 9114 §4.2)"
		return
	case TE:
		if !strings.EqualFold(value, "trailers") {
			s.fault = "TE may say trailers alone (RFC 9113 §8.2.2, RFC 9114 §4.2)"
		}
	case Expect:
		if s.seen[Expect] == 1 || gate.CheckExpect(value).Refused() {
			s.head.Expect = value // of several, one that nobody can meet
		}
		return
	case Trailer:
		return
	case Priority:
		if s.seen[Priority] == 1 {
			s.head.Priority = ParsePriority(value)
		}
	}
	s.lines = append(s.lines, field{n.Text, value, n.Kind})
}

func parseLength(v string) (int64, bool) {
	if v == "" || len(v) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(v[i]-'0')
	}
	return n, true
}

// Request ends the section: it is a request, or malformed for a reason (RFC 9113
// §8.3.1, RFC 9114 §4.3.1), which is "" if it is not.
func (s *Section) Request() (h *Head, malformed string) {
	h = &s.head
	h.Prioritized = s.seen[Priority] > 0
	switch n := s.seen[Priority]; {
	case n == 0:
		h.Priority = Default()
	case n > 1: // one dictionary on several lines
		var lines []string
		s.Each("Priority", func(v string) bool { lines = append(lines, v); return true })
		h.Priority = readPriority(lines)
	}
	if s.fault == "" {
		s.fault = s.judge()
	}
	if s.fault == "" && s.seen[Cookie] > 1 {
		s.joinCookies()
	}
	return h, s.fault
}

func (s *Section) judge() string {
	h := &s.head
	if s.seen[Host] > 0 {
		if h.Authority == "" {
			h.Authority = h.host
		} else if h.host != h.Authority {
			return "Host and :authority differ"
		}
	}
	switch {
	case strings.IndexByte(h.Authority, '@') >= 0:
		return ":authority holds user information"
	case !httpguts.ValidHostHeader(h.Authority):
		return ":authority is no host"
	}
	if h.Method == "CONNECT" {
		if s.seen[Path] > 0 || s.seen[Scheme] > 0 || s.seen[Authority] == 0 || h.Authority == "" {
			return "CONNECT has an :authority alone (RFC 9113 §8.5, RFC 9114 §4.4)"
		}
		h.Target = h.Authority // as HTTP/1.1 writes it
		return ""
	}
	switch {
	case h.Method == "" || !httpguts.ValidHeaderFieldName(h.Method):
		return ":method is none"
	case h.scheme != "https" && h.scheme != "http":
		return ":scheme is none"
	case h.Target == "" || h.Target[0] != '/' && h.Target != "*":
		return ":path is no path"
	case strings.IndexByte(h.Target, '\t') >= 0:
		return ":path holds a tab"
	}
	return ""
}

// Trailers ends a section that came after content; "" if it may have.
func (s *Section) Trailers() (malformed string) {
	if s.fault == "" && s.seen[Method]+s.seen[Scheme]+s.seen[Authority]+s.seen[Path] > 0 {
		s.fault = "a pseudo-field among the trailers"
	}
	return s.fault
}

// joinCookies makes one Cookie of the crumbs that a client may send it in (RFC 9113
// §8.2.3, RFC 9114 §4.2.1), in the place of the first.
func (s *Section) joinCookies() {
	from, first, kept := len(s.arena), -1, s.lines[:0]
	for _, l := range s.lines {
		if l.kind != Cookie {
			kept = append(kept, l)
			continue
		}
		if first >= 0 {
			s.arena = append(s.arena, "; "...)
			s.arena = append(s.arena, l.value...)
			continue
		}
		first = len(kept)
		kept = append(kept, l)
		s.arena = append(s.arena, l.value...)
	}
	clear(s.lines[len(kept):])
	s.lines = kept
	s.lines[first].value = gate.View(s.arena[from:len(s.arena):len(s.arena)])
}
