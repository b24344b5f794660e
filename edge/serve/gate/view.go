package gate

import "unsafe"

// The only unsafe code of the transports. Strings made here are views into a
// transport's buffers: they end when the handler returns.

// View is a string over b's memory.
func View(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Bytes are the bytes of s, which nobody may write to. fasthttp's setters
// take byte slices and copy them.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Within reports whether part is a part of whole's memory: then it lives as
// long as whole does. Content that is no part of a stored body may be scratch
// memory of the exchange.
func Within(part, whole []byte) bool {
	if len(part) == 0 || len(part) > len(whole) {
		return false
	}
	p := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	w := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return p >= w && p+uintptr(len(part)) <= w+uintptr(len(whole))
}
