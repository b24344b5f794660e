package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/config"
)

func TestIsolation(t *testing.T) {
	cfg, err := config.Parse([]byte(`
origins: [{name: web, url: "http://127.0.0.1:3000"}]
artifacts: {origin: web, isolated: error}
routes: [{name: a, origin: web}]
`))
	require.NoError(t, err)
	require.Equal(t, edge.IsolatedError, isolation(cfg.Artifacts.Isolated))
	require.Equal(t, edge.IsolatedStale, isolation(cfg.Routes[0].Isolated))
}
