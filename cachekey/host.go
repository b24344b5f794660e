package cachekey

import (
	"net/netip"
	"strconv"
	"strings"
)

const (
	maxName = 253 // bytes of a domain name (RFC 1035 §2.3.4, less the root)
	maxHost = maxName + len(".:65535")
)

// appendHost appends the canonical form of a Host field or authority: lower
// case, no trailing dot, no port if it is 80 or 443 (a key knows no scheme),
// IPv6 addresses as RFC 5952 writes them.
func appendHost(dst []byte, host string) ([]byte, *Error) {
	if host == "" {
		return dst, bad("host", "is missing")
	}
	if len(host) > maxHost {
		return dst, badf("host", "is longer than %d bytes", maxHost)
	}
	if strings.IndexByte(host, '@') >= 0 {
		return dst, bad("host", "must not carry user information")
	}
	if host[0] == '[' {
		return appendIPv6(dst, host)
	}
	name, port, _ := strings.Cut(host, ":")
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName {
		return dst, badf("host", "its name must have 1 to %d bytes", maxName)
	}
	at, label := len(dst), 0
	dst = append(dst, name...)
	for i, c := range dst[at:] {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c == '.':
			if label == 0 {
				return dst[:at], bad("host", "has an empty label")
			}
			label = -1
		case c >= 'A' && c <= 'Z':
			dst[at+i] = c + 'a' - 'A'
		default:
			return dst[:at], bad("host", "may hold letters, digits, - _ . and a port, or an IPv6 address in brackets")
		}
		if label++; label > 63 {
			return dst[:at], bad("host", "has a label longer than 63 bytes")
		}
	}
	if label == 0 {
		return dst[:at], bad("host", "has an empty label")
	}
	return appendPort(dst, port)
}

func appendIPv6(dst []byte, host string) ([]byte, *Error) {
	end := strings.IndexByte(host, ']')
	if end < 0 {
		return dst, bad("host", "has a [ without its ]")
	}
	addr, err := netip.ParseAddr(host[1:end])
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return dst, bad("host", "must have an IPv6 address without a zone between [ and ]")
	}
	dst = append(dst, '[')
	dst = addr.AppendTo(dst)
	dst = append(dst, ']')
	port := host[end+1:]
	if port == "" {
		return dst, nil
	}
	if port[0] != ':' {
		return dst, bad("host", "only a port may follow ]")
	}
	return appendPort(dst, port[1:])
}

// appendPort appends ":port" unless it is empty or a default one.
func appendPort(dst []byte, port string) ([]byte, *Error) {
	if port == "" {
		return dst, nil
	}
	n := 0
	for i := 0; i < len(port); i++ {
		if c := port[i]; c < '0' || c > '9' || len(port) > 5 {
			return dst, bad("host", "its port must be a number from 1 to 65535")
		}
		n = n*10 + int(port[i]-'0')
	}
	switch {
	case n < 1 || n > 65535:
		return dst, bad("host", "its port must be a number from 1 to 65535")
	case n == 80 || n == 443:
		return dst, nil
	}
	return strconv.AppendInt(append(dst, ':'), int64(n), 10), nil
}
