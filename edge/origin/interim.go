package origin

import (
	"fmt"
	"net/http"
	"net/textproto"

	"github.com/letteros/letteredge/edge"
)

// maxInterim bounds the interim responses to one request.
const maxInterim = 64

// interim passes interim responses on, without what belongs to the connection.
// 100 answers an Expect that this client does not send (RFC 9110 §10.1.1), 101 is
// a final one to net/http.
func interim(pass func(int, []edge.Field)) func(int, textproto.MIMEHeader) error {
	if pass == nil {
		return nil // then net/http bounds them
	}
	n := 0
	return func(status int, header textproto.MIMEHeader) error {
		if n++; n > maxInterim {
			return fmt.Errorf("%w: more than %d interim responses", ErrStatus, maxInterim)
		}
		if status == http.StatusContinue {
			return nil
		}
		fields, err := answerFields(http.Header(header), header["Connection"])
		if err != nil {
			return err
		}
		pass(status, fields)
		return nil
	}
}
