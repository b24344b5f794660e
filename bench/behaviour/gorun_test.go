package behaviour

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGoRunDemo: the command that a newcomer types serves, and ^C at the
// terminal, which every process of its group gets, ends it all. (The exit code is go run's
// own: after an interrupt it is 1 whatever the program's.)
func TestGoRunDemo(t *testing.T) {
	d := GoRunDemo(t, "--regions", "a,b", "--nodes", "1")
	require.NotEqual(t, d.PID(), d.Nodes[0].PID)
	for _, proto := range Protos() {
		require.Equal(t, 200, d.Nodes[1].Readers(t).Get(t, proto, trial).Status)
	}
	d.Interrupt()
	d.Wait()
	for _, n := range d.Nodes {
		Until(t, "the end of "+n.ID, func() bool { return !Alive(n.PID) })
	}
}
