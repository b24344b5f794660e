package h3

import (
	"encoding/binary"
)

// Frame types (RFC 9114 §7.2, RFC 9218 §7.2).
const (
	frameData           = 0x0
	frameHeaders        = 0x1
	frameCancelPush     = 0x3
	frameSettings       = 0x4
	framePushPromise    = 0x5
	frameGoAway         = 0x7
	frameMaxPushID      = 0xd
	framePriorityUpdate = 0xf0700
	framePriorityPush   = 0xf0701
)

// maxVarint is the largest integer of RFC 9000 §16.
const maxVarint = 1<<62 - 1

// varint reads an integer of RFC 9000 §16 and tells its length, 0 where b ends
// within it.
func varint(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = 1 << (b[0] >> 6)
	switch {
	case n > len(b):
		return 0, 0
	case n == 1:
		return uint64(b[0]), 1
	case n == 2:
		return uint64(binary.BigEndian.Uint16(b)) & (1<<14 - 1), 2
	case n == 4:
		return uint64(binary.BigEndian.Uint32(b)) & (1<<30 - 1), 4
	}
	return binary.BigEndian.Uint64(b) & maxVarint, 8
}

// appendVarint writes an integer as short as it can be.
func appendVarint(dst []byte, v uint64) []byte {
	switch {
	case v < 1<<6:
		return append(dst, byte(v))
	case v < 1<<14:
		return binary.BigEndian.AppendUint16(dst, uint16(v)|1<<14)
	case v < 1<<30:
		return binary.BigEndian.AppendUint32(dst, uint32(v)|2<<30)
	}
	return binary.BigEndian.AppendUint64(dst, v|3<<62)
}

// varintLen is how many bytes appendVarint writes.
func varintLen(v uint64) int {
	switch {
	case v < 1<<6:
		return 1
	case v < 1<<14:
		return 2
	case v < 1<<30:
		return 4
	}
	return 8
}

// frameHeader reads the type and the length of a frame; n is 0 where b ends within
// them.
func frameHeader(b []byte) (typ, length uint64, n int) {
	typ, n = varint(b)
	if n == 0 {
		return 0, 0, 0
	}
	length, m := varint(b[n:])
	if m == 0 {
		return 0, 0, 0
	}
	return typ, length, n + m
}

// maxFrameHeader is the longest that type and length can be.
const maxFrameHeader = 16

// ofHTTP2 are the frame types of HTTP/2 that have no counterpart; receiving one is
// an error wherever it is (RFC 9114 §7.2.8).
func ofHTTP2(typ uint64) bool { return typ == 0x2 || typ == 0x6 || typ == 0x8 || typ == 0x9 }

// known reports whether a frame type has a meaning to us, so that it must not come
// where it does not belong (RFC 9114 §7, table 1). Unknown ones are passed over (§9).
func known(typ uint64) bool {
	switch typ {
	case frameData, frameHeaders, frameCancelPush, frameSettings, framePushPromise, frameGoAway,
		frameMaxPushID, framePriorityUpdate, framePriorityPush:
		return true
	}
	return ofHTTP2(typ)
}
