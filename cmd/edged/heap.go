package main

import "runtime"

// heapFloor is the least that the collector takes a node's heap for. It runs when the
// heap has doubled, which is after 10 MiB for a node that keeps little; one that answers
// 50,000 requests a second over HTTP/3 leaves that behind several times a second
// (quic-go's streams), and collecting then takes some 4 % of its time.
const heapFloor = 32 << 20

// holdHeap takes the floor until it is released. Nobody touches that memory, so that it
// is an address range, and none of the machine's memory; what the machine gives is as
// much more of garbage.
func holdHeap() (release func()) {
	floor := make([]byte, heapFloor)
	return func() { runtime.KeepAlive(floor) }
}
