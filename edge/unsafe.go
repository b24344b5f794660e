package edge

import "unsafe"

// viewString is a string over b's memory: for map lookups and comparisons that
// end before b is written again. Whoever keeps it clones it.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// viewBytes is the memory of s as bytes, which nobody may write to.
func viewBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
