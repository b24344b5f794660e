package peer

import "hash/fnv"

// Owner returns which of the nodes owns a key: the one with the highest hash
// beside it (rendezvous hashing, Thaler and Ravishankar 1998). All nodes that
// know the same nodes name the same; one that comes or goes moves only its own
// keys. "" if there are none.
func Owner(nodes []string, key string) string {
	var owner string
	var highest uint64
	for _, n := range nodes {
		h := fnv.New64a()
		_, _ = h.Write([]byte(n)) // never fails
		_, _ = h.Write([]byte{0})
		_, _ = h.Write([]byte(key))
		// FNV mixes its last bytes badly; this is the finalizer of SplitMix64.
		v := h.Sum64()
		v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
		v = (v ^ v>>27) * 0x94d049bb133111eb
		v ^= v >> 31
		if owner == "" || v > highest || v == highest && n < owner {
			owner, highest = n, v
		}
	}
	return owner
}
