package cachekey

import "strconv"

// Kind is what a key names.
type Kind uint8

const (
	Other    Kind = iota // any path outside /v1/segments/: a general route
	CTA                  // a call to action
	Proof                // a piece of evidence for a CTA
	Summary              // a CTA with its best proofs, built at the edge
	Campaign             // a campaign of a segment
)

// String returns the name used in tags, logs and metrics.
func (k Kind) String() string {
	switch k {
	case Other:
		return "other"
	case CTA:
		return "cta"
	case Proof:
		return "proof"
	case Summary:
		return "summary"
	case Campaign:
		return "campaign"
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}
