package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// GossipPath is where nodes take each other's messages.
const GossipPath = "/gossip"

// Sender sends messages to other nodes without waiting for them. A queue that is
// full drops its oldest message: whoever sends them repairs what is lost.
type Sender struct {
	client *Client

	mu     sync.Mutex
	queues map[string]*queue // by node; guarded by mu
	life   context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
	lost   atomic.Uint64
}

// queue is what waits for one node.
type queue struct {
	waiting  [][]byte
	bytes    int
	inFlight int
}

const (
	maxQueue      = 8 << 20 // bytes
	maxInFlight   = 4       // calls to one node at one time: a long way must not make a queue
	sendTimeout   = 3 * time.Second
	batchMessages = 512
	batchBytes    = 4 << 20
)

// NewSender returns a Sender over a Client.
func NewSender(c *Client) *Sender {
	life, stop := context.WithCancel(context.Background())
	return &Sender{client: c, queues: map[string]*queue{}, life: life, stop: stop}
}

// Send sends a message to a node, if it can be reached.
func (s *Sender) Send(to string, message []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return
	}
	q := s.queues[to]
	if q == nil {
		q = &queue{}
		s.queues[to] = q
	}
	q.waiting = append(q.waiting, message)
	q.bytes += len(message)
	for len(q.waiting) > 1 && q.bytes > maxQueue {
		q.bytes -= len(q.waiting[0])
		q.waiting = q.waiting[1:]
		s.lost.Add(1)
	}
	s.start(to, q)
}

// start sends what waits, unless enough is under way. The caller holds mu.
func (s *Sender) start(to string, q *queue) {
	if len(q.waiting) == 0 || q.inFlight == maxInFlight {
		return
	}
	n, size := 0, 0
	for n < len(q.waiting) && n < batchMessages && (n == 0 || size+len(q.waiting[n]) <= batchBytes) {
		size += len(q.waiting[n])
		n++
	}
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	q.bytes -= size
	q.inFlight++
	s.work.Go(func() {
		ctx, cancel := context.WithTimeout(s.life, sendTimeout)
		_, err := s.client.Call(ctx, to, GossipPath, join(batch))
		cancel()
		if err != nil {
			s.lost.Add(uint64(n))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		q.inFlight--
		if s.life.Err() == nil {
			s.start(to, q)
		}
	})
}

// Lost counts the messages that were dropped or failed.
func (s *Sender) Lost() uint64 { return s.lost.Load() }

// Close ends all sending.
func (s *Sender) Close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.work.Wait()
}

// Receiver returns the handler for GossipPath: it gives receive each message.
func Receiver(receive func(from string, message []byte)) Handler {
	return func(_ context.Context, from gossip.Member, body []byte) ([]byte, error) {
		messages, err := split(body)
		if err != nil {
			return nil, &StatusError{400, err.Error()}
		}
		for _, m := range messages {
			receive(from.Node, m)
		}
		return nil, nil
	}
}

// join puts messages behind each other, each with its length before it.
func join(messages [][]byte) []byte {
	var b []byte
	for _, m := range messages {
		b = binary.AppendUvarint(b, uint64(len(m)))
		b = append(b, m...)
	}
	return b
}

func split(body []byte) ([][]byte, error) {
	var messages [][]byte
	for len(body) > 0 {
		n, used := binary.Uvarint(body)
		if used <= 0 || n > uint64(len(body)-used) {
			return nil, errors.New("a message is cut short")
		}
		messages = append(messages, body[used:used+int(n)])
		body = body[used+int(n):]
	}
	return messages, nil
}
