package h2

import (
	"encoding/binary"
	"maps"
	"slices"
)

// onSettings takes the client's settings (RFC 9113 §6.5).
func (c *conn) onSettings(f frame) error {
	switch {
	case f.id != 0:
		return fatal(codeProtocol, "SETTINGS belong to no stream")
	case f.flags&flagAck != 0 && len(f.payload) > 0:
		return fatal(codeFrameSize, "an acknowledgement holds settings")
	case len(f.payload)%6 != 0:
		return fatal(codeFrameSize, "a setting has six bytes")
	}
	c.begun = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.flags&flagAck != 0 {
		return c.nuisanceLocked(fussFrame)
	}
	for b := f.payload; len(b) > 0; b = b[6:] {
		if err := c.settingLocked(binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:])); err != nil {
			return err
		}
	}
	c.putLocked(appendFrameHeader(c.outLocked(), 0, frameSettings, flagAck, 0))
	return c.nuisanceLocked(fussFrame + len(f.payload)/6)
}

func (c *conn) settingLocked(id uint16, v uint32) error {
	switch id {
	case settingTableSize:
		// Our table is always empty, but a client that has made it smaller than
		// it was waits to be told that it is (RFC 7541 §4.2).
		c.resizeTable = c.resizeTable || v < tableSize
	case settingPush, settingNoOldPriority:
		if v > 1 {
			return fatal(codeProtocol, "a setting is 0 or 1")
		}
	case settingFrameSize:
		if v < maxFrame || v > 1<<24-1 {
			return fatal(codeProtocol, "MAX_FRAME_SIZE is out of range")
		}
	case settingWindow:
		return c.resizeWindowsLocked(v)
	}
	return nil
}

// resizeWindowsLocked changes the windows of all streams, which may become
// negative (RFC 9113 §6.9.2).
func (c *conn) resizeWindowsLocked(v uint32) error {
	if v > maxWindow {
		return fatal(codeFlow, "INITIAL_WINDOW_SIZE is too large")
	}
	more := int64(v) - c.peerWindow
	c.peerWindow = int64(v)
	for _, id := range slices.Sorted(maps.Keys(c.streams)) { // those that now may send do so in the order of their requests
		st := c.streams[id]
		if st.sendWindow+more > maxWindow {
			return fatal(codeFlow, "INITIAL_WINDOW_SIZE makes a window too large")
		}
		st.sendWindow += more
		st.queueLocked()
	}
	return nil
}
