package main

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPortsAreOfTheRange(t *testing.T) {
	from, err := parsePorts("23000-23299")
	require.NoError(t, err)
	all, err := freePorts(from, 3)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, p := range all {
		for _, addr := range []string{p.plain, p.secure, p.admin, p.peer, p.lan, p.wan} {
			_, text, err := net.SplitHostPort(addr)
			require.NoError(t, err)
			port, err := strconv.Atoi(text)
			require.NoError(t, err)
			require.True(t, port >= 23000 && port <= 23299, addr)
			require.False(t, seen[text], addr)
			seen[text] = true
		}
	}
	_, err = parsePorts(defaultPorts)
	require.NoError(t, err)
	for _, bad := range []string{"", "23000", "23000-", "a-b", "23000-23298", "1000-2000", "65000-65600", "30000-20000", "20000-30000-40000"} {
		_, err := parsePorts(bad)
		require.ErrorContains(t, err, "FIRST-LAST", bad)
	}
}
