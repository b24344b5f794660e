package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/coding"
)

func TestCompression(t *testing.T) {
	for text, want := range map[string]coding.Policy{
		"": coding.DefaultPolicy(),
		"compression: {mode: on, codings: [gzip], min_bytes: 0, types: [text/css]}": {
			Codings: []coding.Coding{coding.Gzip}, MaxBytes: 4 << 20, Types: []string{"text/css"},
		},
		"compression: {mode: off}":              {},
		"compression: {mode: off, codings: []}": {},
	} {
		c, err := Parse([]byte(minimal + text))
		require.NoError(t, err, text)
		require.Equal(t, want, c.Compression.Policy(), text)
	}
	c, err := Parse([]byte(minimal + "compression: {mode: on}"))
	require.NoError(t, err)
	require.Equal(t, CompressionOn, c.Compression.Mode, "and not a boolean")
}
