package qpack_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/serve/h3/qpack"
)

func TestDecodingAllocatesNothing(t *testing.T) {
	block := encode(t, ":method", "GET", ":scheme", "https", ":authority", "edge.test", ":path", "/a?b=c",
		"user-agent", "Mozilla/5.0 (X11)", "accept-language", "ja,en;q=0.5", "x-own-field", "yes", "accept", "*/*", "priority", "u=1, i")
	table, s := qpack.NewTable(), newSection()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		s.Reset()
		if !table.Decode(block, s) {
			t.Fail()
		}
	}))
}

func BenchmarkDecode(b *testing.B) {
	block := encode(b, ":method", "GET", ":scheme", "https", ":authority", "edge.test", ":path", "/a?b=c",
		"user-agent", "Mozilla/5.0 (X11)", "accept-language", "ja,en;q=0.5", "x-own-field", "yes", "accept", "*/*", "priority", "u=1, i")
	table, s := qpack.NewTable(), newSection()
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		table.Decode(block, s)
	}
}
