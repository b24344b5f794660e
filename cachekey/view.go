package cachekey

import "unsafe"

// view returns the bytes of b as a string without copying them.
//
// Lifetime: the string is valid only while nobody writes to b. The one caller
// is Keyer.Key, whose views point into the Scratch and hence change with the
// next call on that Scratch. What outlives that goes through Key.Clone.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
