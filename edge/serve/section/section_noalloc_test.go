package section

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadingAllocatesNothing(t *testing.T) {
	s := open(4000, 50)
	table := NewLine("user-agent", "test")
	lines := get("accept", "*/*", "cookie", "a=1", "cookie", "b=2", "x-many", "a")
	raw := make([][]byte, len(lines))
	for i := range lines {
		raw[i] = []byte(lines[i])
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.Reset()
		for i := 0; i < len(raw); i += 2 {
			n, _ := s.Name(raw[i], false)
			v, _ := s.Text(raw[i+1], false)
			s.Add(n, v)
		}
		s.AddLine(&table)
		if _, bad := s.Request(); bad != "" {
			panic(bad)
		}
		if s.Get("User-Agent") != "test" || s.Get("Cookie") != "a=1; b=2" {
			panic("lines are lost")
		}
	}))
}
