package section

// appendHuffman decodes a string of RFC 7541 Appendix B to dst; false where it is
// no such string: a code that ends early, EOS, or padding that is longer than
// seven bits or not of ones (§5.2).
func appendHuffman(dst, src []byte) ([]byte, bool) {
	var acc uint64 // the next bits, right aligned
	var n uint     // how many there are
	for len(src) > 0 || n >= 8 {
		for n <= 56 && len(src) > 0 {
			acc = acc<<8 | uint64(src[0])
			src = src[1:]
			n += 8
		}
		for n >= 8 {
			q := quickCodes[byte(acc>>(n-8))]
			if q != 0 {
				dst = append(dst, byte(q>>8))
				n -= uint(q & 0xff)
				continue
			}
			if n < 30 && len(src) > 0 {
				break // a long code may need more of the string
			}
			sym, bits := longCode(acc, n)
			if bits == 0 {
				// EOS, or the padding of ones: it is all that is left then.
				return dst, n < 8 && ones(acc, n)
			}
			dst = append(dst, sym)
			n -= bits
		}
	}
	for n >= 5 { // codes shorter than what is left
		q := quickCodes[byte(acc<<(8-n))]
		if q == 0 || uint(q&0xff) > n {
			break
		}
		dst = append(dst, byte(q>>8))
		n -= uint(q & 0xff)
	}
	return dst, ones(acc, n)
}

// ones reports whether the last n bits are what ends a string.
func ones(acc uint64, n uint) bool { return n < 8 && acc&(1<<n-1) == 1<<n-1 }

// longCode finds the code of more than eight bits that the n bits of acc begin
// with; 0 bits if there is none.
func longCode(acc uint64, n uint) (sym byte, bits uint) {
	for _, r := range longCodes {
		if uint(r.bits) > n {
			break
		}
		code := uint32(acc>>(n-uint(r.bits))) & (1<<r.bits - 1)
		if code >= r.first && code-r.first < r.count {
			return longSymbols[r.at+code-r.first], uint(r.bits)
		}
	}
	return 0, 0
}
