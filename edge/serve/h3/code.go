package h3

import (
	"github.com/quic-go/quic-go"
)

// code is an error code of RFC 9114 §8.1 or RFC 9204 §6.
type code uint64

const (
	codeNoError          code = 0x100
	codeInternal         code = 0x102
	codeStreamCreation   code = 0x103
	codeClosedCritical   code = 0x104
	codeFrameUnexpected  code = 0x105
	codeFrame            code = 0x106
	codeExcessiveLoad    code = 0x107
	codeID               code = 0x108
	codeSettings         code = 0x109
	codeMissingSettings  code = 0x10a
	codeRequestRejected  code = 0x10b
	codeRequestCancelled code = 0x10c
	codeIncomplete       code = 0x10d
	codeMessage          code = 0x10e
	codeDecompression    code = 0x200
	codeEncoderStream    code = 0x201
	codeDecoderStream    code = 0x202
)

func (c code) onStream() quic.StreamErrorCode    { return quic.StreamErrorCode(c) }
func (c code) onConn() quic.ApplicationErrorCode { return quic.ApplicationErrorCode(c) }

// fault is what a client did wrong; the zero value is nothing.
type fault struct {
	code  code
	whole bool // of the connection, not of one stream
	why   string
}

func (f fault) is() bool { return f.code != 0 }

func connFault(c code, why string) fault   { return fault{c, true, why} }
func streamFault(c code, why string) fault { return fault{c, false, why} }
