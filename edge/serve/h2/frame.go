package h2

import "encoding/binary"

// frameType is a frame's type (RFC 9113 §6, RFC 9218 §7.1).
type frameType byte

const (
	frameData           frameType = 0x0
	frameHeaders        frameType = 0x1
	framePriority       frameType = 0x2
	frameReset          frameType = 0x3
	frameSettings       frameType = 0x4
	framePush           frameType = 0x5
	framePing           frameType = 0x6
	frameGoAway         frameType = 0x7
	frameWindow         frameType = 0x8
	frameContinuation   frameType = 0x9
	framePriorityUpdate frameType = 0x10
)

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// code is an error code (RFC 9113 §7).
type code uint32

const (
	codeNo          code = 0x0
	codeProtocol    code = 0x1
	codeInternal    code = 0x2
	codeFlow        code = 0x3
	codeClosed      code = 0x5
	codeFrameSize   code = 0x6
	codeRefused     code = 0x7
	codeCancel      code = 0x8
	codeCompression code = 0x9
	codeCalm        code = 0xb
)

// settings (RFC 9113 §6.5.2, RFC 9218 §2.1).
const (
	settingTableSize     = 0x1
	settingPush          = 0x2
	settingStreams       = 0x3
	settingWindow        = 0x4
	settingFrameSize     = 0x5
	settingHeaderList    = 0x6
	settingNoOldPriority = 0x9
)

const (
	preface     = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	headerLen   = 9
	maxFrame    = 16 << 10             // what either end may send without being asked
	maxData     = maxFrame - headerLen // content of a frame that fills a TLS record
	maxWindow   = 1<<31 - 1
	startWindow = 65535
	maxID       = 1<<31 - 1
)

// frame is one frame of the peer; payload is a view of the read buffer.
type frame struct {
	typ     frameType
	flags   byte
	id      uint32
	payload []byte
}

// appendFrameHeader begins a frame.
func appendFrameHeader(dst []byte, n int, t frameType, flags byte, id uint32) []byte {
	return append(dst, byte(n>>16), byte(n>>8), byte(n), byte(t), flags, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

func appendReset(dst []byte, id uint32, c code) []byte {
	dst = appendFrameHeader(dst, 4, frameReset, 0, id)
	return binary.BigEndian.AppendUint32(dst, uint32(c))
}

func appendWindow(dst []byte, id uint32, n int64) []byte {
	dst = appendFrameHeader(dst, 4, frameWindow, 0, id)
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

func appendGoAway(dst []byte, last uint32, c code, reason string) []byte {
	dst = appendFrameHeader(dst, 8+len(reason), frameGoAway, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(c))
	return append(dst, reason...)
}

func appendSetting(dst []byte, id uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, id), v)
}

// unpad removes padding (RFC 9113 §6.1); false where there is more of it than
// frame.
func (f *frame) unpad() bool {
	if f.flags&flagPadded == 0 {
		return true
	}
	if len(f.payload) == 0 || int(f.payload[0]) >= len(f.payload) {
		return false
	}
	f.payload = f.payload[1 : len(f.payload)-int(f.payload[0])]
	return true
}

// connError ends a connection (RFC 9113 §5.4.1).
type connError struct {
	code   code
	reason string
}

func (e *connError) Error() string { return "h2: " + e.reason }

func fatal(c code, reason string) error { return &connError{c, reason} }
