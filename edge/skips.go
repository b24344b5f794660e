package edge

// Skips are the fields of a stored response that an answer of it leaves out, since
// it brings its own or they are not true of it.
type Skips uint8

// What may be left out.
const (
	SkipType    Skips = 1 << iota // Content-Type: each part of several has its own
	SkipRange                     // Content-Range: a stored part is cut once more
	SkipControl                   // Cache-Control: nobody else may have the answer
	// SkipDigest is Content-Digest and Content-MD5, which are of a message's content
	// (RFC 9530 §2): of a whole, where a part or nothing of it is sent. Repr-Digest
	// is of the representation, whatever is sent.
	SkipDigest
)

// Has reports whether the field is left out.
func (s Skips) Has(name string) bool {
	switch name {
	case "Content-Type":
		return s&SkipType != 0
	case "Content-Range":
		return s&SkipRange != 0
	case "Cache-Control":
		return s&SkipControl != 0
	}
	return s&SkipDigest != 0 && digestsContent(name)
}

// digestsContent reports whether a field is a digest of its message's content.
func digestsContent(name string) bool { return name == "Content-Digest" || name == "Content-Md5" }

// skipDigest leaves the digests of the stored content out of the reply, which has
// another: without any, the usual case, its lines stay in one piece.
func (x *Exchange) skipDigest() {
	if x.Rep.Art != nil && x.Rep.Art.digested {
		x.Rep.Skip |= SkipDigest
	}
}
