package edge

import (
	"sync/atomic"

	"github.com/letteros/letteredge/edge/coding"
)

// CodingFigures count what became of one coding.
type CodingFigures struct {
	Coding string
	// Made were coded, Useless too, for nothing; for NoPlace it was not tried, and
	// the reader got the identity.
	Made, Useless, NoPlace uint64
	// From and To are the bytes of those that were made, before and after.
	From, To uint64
}

// codingCounters are the figures of each coding.
type codingCounters [coding.Count]struct{ made, useless, noPlace, from, to atomic.Uint64 }

// made notes that a coding was made, useless if coded is nil.
func (c *codingCounters) made(of coding.Coding, body, coded []byte) {
	if coded == nil {
		c[of].useless.Add(1)
		return
	}
	c[of].made.Add(1)
	c[of].from.Add(uint64(len(body)))
	c[of].to.Add(uint64(len(coded)))
}

// Codings are the figures of all codings.
func (c *Core) Codings() []CodingFigures {
	var all []CodingFigures
	for _, of := range coding.All() {
		n := &c.codings[of]
		all = append(all, CodingFigures{
			Coding: of.String(), Made: n.made.Load(), Useless: n.useless.Load(), NoPlace: n.noPlace.Load(), From: n.from.Load(), To: n.to.Load(),
		})
	}
	return all
}
