package serve

import (
	"strconv"
	"time"
)

// altSvc is the Alt-Svc value that TCP answers carry (RFC 7838 §3), made once.
//
// Plain HTTP/1.1 carries it too where there is a TLS listener: any answer may,
// and it names only what this node serves with the same content. A client that
// follows it from an http origin has to ask for reasonable assurances itself
// (RFC 7838 §2.1, RFC 9114 §3.1.2); those that do not, as all browsers, ignore
// it. HTTP/3 answers carry none: their client is there already.
func altSvc(port int, maxAge time.Duration) string {
	return `h3=":` + strconv.Itoa(port) + `"; ma=` + strconv.FormatInt(int64(maxAge/time.Second), 10)
}
