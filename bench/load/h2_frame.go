package load

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Frames (RFC 9113 §6) that a client that only asks meets.
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	framePush         = 0x5
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindow       = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	frameHead  = 9
	frameLimit = 16 << 10 // of a payload; we do not raise it
	h2Preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

const (
	settingTableSize = 0x1
	settingPush      = 0x2
	settingStreams   = 0x3
	settingWindow    = 0x4

	codeRefused = 0x7
	codeCancel  = 0x8

	firstWindow = 65535 // of a connection (RFC 9113 §6.9.2)
)

func putFrameHead(out []byte, length int, kind, flags byte, id uint32) {
	out[0], out[1], out[2], out[3], out[4] = byte(length>>16), byte(length>>8), byte(length), kind, flags
	binary.BigEndian.PutUint32(out[5:], id)
}

func appendFrame(out []byte, kind, flags byte, id uint32, payload ...byte) []byte {
	at := len(out)
	out = append(append(out, make([]byte, frameHead)...), payload...)
	putFrameHead(out[at:], len(payload), kind, flags, id)
	return out
}

func appendReset(out []byte, id uint32) []byte {
	return appendFrame(out, frameReset, 0, id, 0, 0, 0, codeCancel)
}

func appendWindow(out []byte, id, n uint32) []byte {
	return appendFrame(out, frameWindow, 0, id, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// appendHello appends what a client says first: no pushes, and windows so wide
// that nobody waits for them.
func appendHello(out []byte) []byte {
	out = append(out, h2Preface...)
	out = appendFrame(out, frameSettings, 0, 0,
		0, settingPush, 0, 0, 0, 0,
		0, settingWindow, h2Window>>24, h2Window>>16&0xff, h2Window>>8&0xff, h2Window&0xff)
	return appendWindow(out, 0, h2Window-firstWindow)
}

// h2Settings is what matters to us of a server's settings.
type h2Settings struct {
	tableSize uint32
	streams   int
}

func readSettings(payload []byte, s h2Settings) (h2Settings, error) {
	if len(payload)%6 != 0 {
		return s, fmt.Errorf("SETTINGS of %d bytes", len(payload))
	}
	for ; len(payload) > 0; payload = payload[6:] {
		value := binary.BigEndian.Uint32(payload[2:])
		switch binary.BigEndian.Uint16(payload) {
		case settingTableSize:
			s.tableSize = value
		case settingStreams:
			s.streams = int(min(value, MaxStreams))
		}
	}
	return s, nil
}

var errPadding = errors.New("padding is longer than its frame")

// unpad returns the content of a padded frame, and without the priority that
// HEADERS may have before their block.
func unpad(payload []byte, kind, flags byte) ([]byte, error) {
	if flags&flagPadded != 0 {
		if len(payload) == 0 || int(payload[0]) >= len(payload) {
			return nil, errPadding
		}
		payload = payload[1 : len(payload)-int(payload[0])]
	}
	if kind == frameHeaders && flags&flagPriority != 0 {
		if len(payload) < 5 {
			return nil, errPadding
		}
		payload = payload[5:]
	}
	return payload, nil
}
