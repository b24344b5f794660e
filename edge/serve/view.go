package serve

import "unsafe"

// The only unsafe code of this package. Strings made here are views into a
// transport's buffers: they end when the handler returns.

// view is a string over b's memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf are the bytes of s, which nobody may write to. fasthttp's setters
// take byte slices and copy them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// within reports whether part is a part of whole's memory: then it lives as
// long as whole does. Content that is no part of a stored body may be scratch
// memory of the exchange.
func within(part, whole []byte) bool {
	if len(part) == 0 || len(part) > len(whole) {
		return false
	}
	p := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	w := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return p >= w && p+uintptr(len(part)) <= w+uintptr(len(whole))
}
