package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/config"
	"github.com/letteros/letteredge/quota"
)

// What the disk has binds before the node opens a listener: nobody is served by
// what it knew before it knew anything.
func TestKeptQuotasBindFromTheFirstRequest(t *testing.T) {
	cfg := config.ForOrigin("http://127.0.0.1:1", "127.0.0.1:0", "", "127.0.0.1:0", config.ProfileDefault)
	cfg.State.Dir = t.TempDir()
	log := slog.New(slog.DiscardHandler)
	first, err := newNode(cfg, log)
	require.NoError(t, err)
	require.NoError(t, first.listen())
	ctx, stop := context.WithCancel(t.Context())
	serving, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- first.run(ctx, func() error { close(serving); return nil }) }()
	<-serving
	_, _, err = first.quotas.Put(quota.New("b2b", 1), quota.Precondition{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, complete, err := first.mesh.kept.Load()
		return err == nil && complete >= first.mesh.records.Index()
	}, time.Minute, 5*time.Millisecond, "it is on the disk")
	stop()
	require.NoError(t, <-ended)

	second, err := newNode(cfg, log)
	require.NoError(t, err)
	defer func() { require.NoError(t, second.close()) }()
	bound, err := second.quotas.Get("b2b")
	require.NoError(t, err)
	require.InDelta(t, 1, bound.Quota.RPS, 0)
}
