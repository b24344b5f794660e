package peer

import (
	"cmp"
	"hash/fnv"
	"slices"
)

// Owner returns which of the nodes owns a key: the one with the highest hash
// beside it (rendezvous hashing, Thaler and Ravishankar 1998). All nodes that
// know the same nodes name the same; one that comes or goes moves only its own
// keys. "" if there are none.
func Owner(nodes []string, key string) string {
	var owner string
	var highest uint64
	for _, n := range nodes {
		if v := rank(n, key); owner == "" || v > highest || v == highest && n < owner {
			owner, highest = n, v
		}
	}
	return owner
}

// ranked returns the nodes with the owner first, and then who would own the key if
// those before were gone.
func ranked(nodes []string, key string) []string {
	list := slices.Clone(nodes)
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(b, key), rank(a, key)), cmp.Compare(a, b))
	})
	return list
}

func rank(node, key string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(node)) // never fails
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(key))
	// FNV mixes its last bytes badly; this is the finalizer of SplitMix64.
	v := h.Sum64()
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
