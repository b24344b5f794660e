package freshness

// Merge says what becomes of a field when a 304, or a response to HEAD, updates
// a stored response (RFC 9111 §3.2).
type Merge uint8

// The ways to merge a field.
const (
	// MergeReplace: the update's lines replace the stored ones; without any the
	// stored ones stay.
	MergeReplace Merge = iota
	// MergeKeep: the stored lines stay, the update's are ignored. They describe
	// the stored bytes, which an update does not change.
	MergeKeep
	// MergeRenew: the stored lines go, with or without new ones. They tell when
	// and how old the message was, and the message is the update now.
	MergeRenew
	// MergeDrop: belongs to one connection or one hop, is never stored.
	MergeDrop
)

// MergeHeader returns the rule for a canonical field name. A 304 that has a
// validator other than the stored response's must not be merged at all (see
// Freshens).
func MergeHeader(canonical string) Merge {
	if !StoreHeader(canonical) {
		return MergeDrop
	}
	switch canonical {
	case "Content-Digest", // RFC 9530 §2: the update's is of no content
		"Content-Encoding", "Content-Length", "Content-Range", "Etag":
		return MergeKeep
	case "Age", "Date":
		return MergeRenew
	}
	return MergeReplace
}

// StoreHeader reports whether a field may be stored with a response (RFC 9111
// §3.1): those of one connection and of one proxy may not. Fields that
// Connection lists and those in Verdict.Omit come on top.
func StoreHeader(canonical string) bool {
	switch canonical {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade",
		"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization":
		return false
	}
	return true
}

// Freshens reports whether a 304 speaks of the stored response (RFC 9111
// §4.3.4): its strong ETag must be the stored one, else its weak ETag or
// Last-Modified must match; without any of them it does, since the only response
// that was offered for validation is that one.
func Freshens(stored, update Fields) bool {
	if tag := update.Get("Etag"); IsETag(tag) {
		have := stored.Get("Etag")
		if tag[0] == '"' {
			return have == tag
		}
		return have == tag || have == tag[len("W/"):]
	}
	if modified := update.Get("Last-Modified"); modified != "" {
		have := stored.Get("Last-Modified")
		return have == "" || have == modified
	}
	return true
}
