package admin

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client must not make the node remember more than it is meant to.
func TestKeysAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	k := newKeys(func() time.Time { return now })
	deeds := 0
	once := func(key string) string {
		id, err := k.once(context.Background(), key, [32]byte{}, func() (string, error) {
			deeds++
			return fmt.Sprint(deeds), nil
		})
		require.NoError(t, err)
		return id
	}
	for i := range maxKeys + 10 {
		once(fmt.Sprint("k", i))
	}
	require.Equal(t, maxKeys, k.order.Len())
	require.Len(t, k.byKey, maxKeys)
	require.Equal(t, fmt.Sprint(maxKeys+10), once(fmt.Sprint("k", maxKeys+9)), "the latest are remembered")
	require.Equal(t, maxKeys+10, deeds)

	// And not for ever.
	now = now.Add(keyLife)
	require.Equal(t, fmt.Sprint(maxKeys+11), once(fmt.Sprint("k", maxKeys+9)))
	require.Equal(t, 1, k.order.Len())
}

func TestWhoWaitsForAKeyMayLeave(t *testing.T) {
	k := newKeys(time.Now)
	begun, end := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := k.once(context.Background(), "k", [32]byte{}, func() (string, error) {
			close(begun)
			<-end
			return "", errors.New("failed")
		})
		first <- err
	}()
	<-begun
	gone, leave := context.WithCancel(context.Background())
	leave()
	_, err := k.once(gone, "k", [32]byte{}, nil)
	require.ErrorIs(t, err, context.Canceled)
	close(end)
	require.Error(t, <-first)
	id, err := k.once(context.Background(), "k", [32]byte{1}, func() (string, error) { return "2", nil })
	require.NoError(t, err, "what failed frees its key, for another body too")
	require.Equal(t, "2", id)
}
