package section

// maxInt bounds the integers of field sections: indices, lengths and table sizes.
const maxInt = 1 << 28

// Int reads an integer whose first byte holds it in its last bits (RFC 7541 §5.1,
// RFC 9204 §4.1.1). It returns what follows; false where the integer is not
// complete, or larger than anything here may be.
func Int(b []byte, bits uint) (v int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	mask := 1<<bits - 1
	v = int(b[0]) & mask
	b = b[1:]
	if v < mask {
		return v, b, true
	}
	for shift := uint(0); len(b) > 0 && shift <= 28; shift += 7 {
		c := int(b[0])
		b = b[1:]
		v += (c & 0x7f) << shift
		if v > maxInt {
			return 0, nil, false
		}
		if c < 0x80 {
			return v, b, true
		}
	}
	return 0, nil, false
}

// String cuts off a string literal whose first byte holds its length in its last
// bits, and before them whether it is Huffman coded (RFC 7541 §5.2, RFC 9204 §4.1.2).
func String(b []byte, bits uint) (raw []byte, huffman bool, rest []byte, ok bool) {
	n, rest, ok := Int(b, bits)
	if !ok || n > len(rest) {
		return nil, false, nil, false
	}
	return rest[:n], b[0]>>bits&1 != 0, rest[n:], true
}

// AppendInt writes an integer whose first byte begins with the bits of first.
func AppendInt(dst []byte, first byte, bits uint, v int) []byte {
	mask := 1<<bits - 1
	if v < mask {
		return append(dst, first|byte(v))
	}
	dst = append(dst, first|byte(mask))
	for v -= mask; v >= 0x80; v >>= 7 {
		dst = append(dst, byte(v)|0x80)
	}
	return append(dst, byte(v))
}
