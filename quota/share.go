package quota

// Share is what one node may spend of a quota. The zero Share is nothing.
type Share struct {
	RPS   float64
	Burst int
}

// whole is the share of a node that has the quota for itself.
func (q Quota) whole() Share { return Share{RPS: q.RPS, Burst: q.Burst} }

// part is the share of the holder with that rank, from 0, among n: the n-th part
// of the rate, and of the burst what it gets if tokens are dealt one by one in
// the order of ranks, so that all parts make up the burst exactly. With a burst
// below n, some get none.
func (q Quota) part(rank, n int) Share {
	if n < 1 || rank < 0 || rank >= n {
		return Share{}
	}
	return Share{RPS: q.RPS / float64(n), Burst: max(0, (q.Burst-rank+n-1)/n)}
}
