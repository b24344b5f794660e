package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/quota"
)

// enrolment is the value of a record node/<id>.
type enrolment struct {
	Region      string `json:"region"`
	Incarnation string `json:"incarnation"` // 16 hexadecimal digits
	Peer        string `json:"peer"`        // where other nodes reach it
	Address     string `json:"address"`     // where readers do
	// Left says that this process has given its last answer.
	Left bool `json:"left,omitempty"`
}

func (e enrolment) record() ([]byte, error) { return json.Marshal(e) }

func incarnationText(n uint64) string { return fmt.Sprintf("%016x", n) }

// enrolEvery is how long a node waits before it asks again to be a member.
const enrolEvery = 200 * time.Millisecond

// enrol writes this process into the control log, as soon as it can.
func (m *mesh) enrol(ctx context.Context, address string) error {
	value, err := m.enrolment(address).record()
	if err != nil {
		return err
	}
	key := quota.NodeKey + m.self.Node
	retry := time.NewTicker(enrolEvery)
	defer retry.Stop()
	for {
		_, err := m.ledger.Update(ctx, []string{key}, func(map[string]gossip.Record) (gossip.Txn, error) {
			return gossip.Txn{Puts: []gossip.Put{{Key: key, Value: value}}}, nil
		})
		if err == nil {
			m.wake()
			return nil
		}
		m.log.Debug("not enrolled yet", "err", err)
		select {
		case <-ctx.Done():
			return nil
		case <-retry.C:
		}
	}
}

func (m *mesh) enrolment(address string) enrolment {
	return enrolment{Region: m.self.Region, Incarnation: incarnationText(m.self.Incarnation), Peer: m.cfg.Cluster.Listen, Address: address}
}

// leaveTimeout bounds the attempt to say that this node leaves: where all nodes
// stop at once nobody is left to hear it.
const leaveTimeout = time.Second

// leave writes into the control log that this process has given its last answer,
// so that no purge and no rollout waits for it. It keeps its place: who starts it
// again finds its share of the quotas.
func (m *mesh) leave(ctx context.Context, address string) {
	if m.cfg.Cluster.Alone() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	e := m.enrolment(address)
	e.Left = true
	value, err := e.record()
	if err == nil {
		key := quota.NodeKey + m.self.Node
		_, err = m.ledger.Update(ctx, []string{key}, func(map[string]gossip.Record) (gossip.Txn, error) {
			return gossip.Txn{Puts: []gossip.Put{{Key: key, Value: value}}}, nil
		})
	}
	if err != nil {
		m.log.Warn("the others were not told that this node leaves; they will find that it is gone", "err", err)
	}
}
