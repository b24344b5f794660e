package rollout

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
)

// Digest is the fingerprint of a document: of all its files, by base name, in
// any language (SEMANTICS §3). It is SHA-256 over, for each file in byte order of
// base name: the length of the name (32 bits, big-endian), the name, the length
// of the content (64 bits), the content; written as in Subresource Integrity,
// `sha256-` and base64. Each part is preceded by its length, so two different
// sets of files never hash the same input.
func Digest(files map[string][]byte) string {
	h := sha256.New()
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b = binary.BigEndian.AppendUint32(b[:0], uint32(len(name)))
		b = append(b, name...)
		b = binary.BigEndian.AppendUint64(b, uint64(len(files[name])))
		h.Write(b)
		h.Write(files[name])
	}
	return digestPrefix + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

const digestPrefix = "sha256-"

// validDigest reports whether s can be a Digest.
func validDigest(s string) bool {
	if len(s) != len(digestPrefix)+base64.StdEncoding.EncodedLen(sha256.Size) || s[:len(digestPrefix)] != digestPrefix {
		return false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(s[len(digestPrefix):])
	return err == nil && len(raw) == sha256.Size
}
