package origin

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

const (
	transferEncoding = "Transfer-Encoding"
	// oddCoding stands in for Transfer-Encoding, of the same length.
	oddCoding = "Edge-Odd-Encoding"
	// maxCodingLine bounds what is kept back of one line.
	maxCodingLine = 256
)

// mayTellCoding reports whether a line that begins so may be a Transfer-Encoding
// field.
func mayTellCoding(begin []byte) bool {
	n := min(len(begin), len(transferEncoding))
	return len(begin) <= maxCodingLine && strings.EqualFold(string(begin[:n]), transferEncoding[:n])
}

// hideCoding renames, in its place, a Transfer-Encoding whose value is one token
// that names no registered coding. It must be of no use to anyone: no client has
// asked for it, since this one sends no TE, and no recipient could undo it. All
// others stay as they are: chunked is understood, and the rest net/http refuses.
func hideCoding(line []byte) bool {
	name, value, ok := strings.Cut(string(line), ":")
	if !ok || len(line) > maxCodingLine || !strings.EqualFold(name, transferEncoding) || !oddToken(strings.Trim(value, " \t\r")) {
		return false
	}
	copy(line, oddCoding)
	return true
}

// oddToken reports whether a value is a token that is not in the registry of
// transfer codings (RFC 9112 §12.3).
func oddToken(value string) bool {
	switch strings.ToLower(value) {
	case "chunked", "gzip", "x-gzip", "compress", "x-compress", "deflate", "identity", "trailers":
		return false
	}
	return httpguts.ValidHeaderFieldName(value)
}

// checkCoding refuses an answer with an odd coding whose end anyone could see
// elsewhere than at the connection's end (RFC 9112 §6.3), and takes the field out.
func checkCoding(res *http.Response) error {
	values := res.Header[oddCoding]
	delete(res.Header, oddCoding)
	if len(values) != 1 || !oddToken(values[0]) || len(res.TransferEncoding) > 0 || res.Header["Content-Length"] != nil {
		return fmt.Errorf("%w: an unknown transfer coding beside another framing", ErrField)
	}
	return nil
}
