package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/gossip/control"
	"github.com/letteros/letteredge/quota"
)

// ledger is the control log in the terms of those who write to it.
type ledger struct{ client *control.Client }

var (
	_ quota.Ledger = ledger{}
	_ auth.Ledger  = ledger{}
)

// Update is control.Client.Update.
func (l ledger) Update(ctx context.Context, keys []string, compute func(map[string]gossip.Record) (gossip.Txn, error)) (gossip.Outcome, error) {
	out, err := l.client.Update(ctx, keys, compute)
	if errors.Is(err, control.ErrNoQuorum) || errors.Is(err, control.ErrContended) {
		err = fmt.Errorf("%w: %w", quota.ErrNoQuorum, err)
	}
	return out, err
}
