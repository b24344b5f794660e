package main

import (
	"runtime"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"
)

// The collector waits for as much more garbage as long as the floor is held.
func TestHoldHeap(t *testing.T) {
	before := goal()
	release := holdHeap()
	require.GreaterOrEqual(t, goal(), before+heapFloor)
	release()
	require.Less(t, goal(), before+heapFloor)
}

// goal is the size of the heap at which the collector will run.
func goal() int {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}
