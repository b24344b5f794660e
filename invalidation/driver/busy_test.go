package driver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What came while a carrier ended is looked at again, once.
func TestNothingIsMissedAtACarriersEnd(t *testing.T) {
	b := newBusy()
	require.True(t, b.claim("r1"))
	require.False(t, b.claim("r1"), "left to its carrier")
	require.True(t, b.claim("r2"))
	b.release("r2")
	require.Empty(t, b.look, "nobody has looked at it meanwhile")
	b.release("r1")
	require.Len(t, b.look, 1)
	<-b.look
	require.True(t, b.claim("r1"))
	b.release("r1")
	require.Empty(t, b.look)
}
