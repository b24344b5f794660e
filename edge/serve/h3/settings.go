package h3

// Settings (RFC 9114 §7.2.4.1, RFC 9204 §5, RFC 9220 §3, RFC 9297 §2.1.1).
const (
	settingMaxFieldSection = 0x6
	settingConnectProtocol = 0x8
	settingDatagram        = 0x33
)

// maxSettings bounds how many settings a client may name: each has to be compared
// with the others.
const maxSettings = 64

// appendSettings writes our SETTINGS frame. All else is left at its default: no
// dynamic table and no blocked streams for QPACK, neither push, extended CONNECT nor
// datagrams.
func appendSettings(dst []byte, maxFieldSection int) []byte {
	size := varintLen(settingMaxFieldSection) + varintLen(uint64(maxFieldSection))
	dst = appendVarint(dst, frameSettings)
	dst = appendVarint(dst, uint64(size))
	dst = appendVarint(dst, settingMaxFieldSection)
	return appendVarint(dst, uint64(maxFieldSection))
}

// checkSettings judges a client's SETTINGS. Nothing of it changes what we send: our
// field sections are small, and refer to no table of its.
func checkSettings(b []byte) fault {
	var seen [maxSettings]uint64
	for count := 0; len(b) > 0; count++ {
		id, n := varint(b)
		if n == 0 {
			return connFault(codeFrame, "SETTINGS ends within a setting")
		}
		value, m := varint(b[n:])
		if m == 0 {
			return connFault(codeFrame, "SETTINGS ends within a setting")
		}
		b = b[n+m:]
		if count == maxSettings {
			return connFault(codeExcessiveLoad, "too many settings")
		}
		for _, other := range seen[:count] {
			if other == id {
				return connFault(codeSettings, "a setting came twice")
			}
		}
		seen[count] = id
		switch id {
		case 0x0, 0x2, 0x3, 0x4, 0x5: // of HTTP/2 (RFC 9114 §11.2.2)
			return connFault(codeSettings, "a setting of HTTP/2")
		case settingConnectProtocol, settingDatagram:
			if value > 1 {
				return connFault(codeSettings, "a setting that is 0 or 1")
			}
		}
	}
	return fault{}
}
