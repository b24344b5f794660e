package invalidation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
)

// The bounds of a purge's time-out.
const (
	DefaultTimeout = 2 * time.Second
	MaxTimeout     = 30 * time.Second
)

// Order asks for a purge.
type Order struct {
	Selector cachekey.Selector
	Mode     Mode
	By       string // who asks
	// Timeout is after how long, not complete, it counts as partial: above 0, at
	// most MaxTimeout; 0 means DefaultTimeout.
	Timeout time.Duration
	// Key makes it safe to send the order again, through any node: an order with the
	// key of a purge that is known here, and at most KeyLife old, is that purge. Body
	// stands for what was asked: with another, such an order is ErrOtherBody. Both
	// are digests, of at most 64 bytes; an empty Key is none.
	Key, Body string
}

const (
	// KeyLife is how long the key of a purge is good.
	KeyLife = 24 * time.Hour
	maxKey  = 64 // bytes of a key, and of a body's digest
)

// ErrOtherBody means that the key of an order is that of a purge of something else.
var ErrOtherBody = errors.New("the key was used with another body")

// Purge is Issue with the default time-out.
func (e *Engine) Purge(ctx context.Context, sel cachekey.Selector, mode Mode, by string) (Receipt, error) {
	return e.Issue(ctx, Order{Selector: sel, Mode: mode, By: by})
}

// Issue makes a purge durable, applies it here, sends it to all other nodes, and
// returns this node's receipt: from then on nothing that the order selects and
// that was fetched before is served from here. An invalid selector gives a
// *cachekey.Error; a journal that fails gives ErrNotDurable, and nothing is
// purged. Cancelling ctx has no effect once the journal has been asked. An order
// whose key is known gives the receipt of its purge, or ErrOtherBody.
//
// The journal comes first. The other way round, a crash between the two would
// lose a purge whose effect readers have seen already.
func (e *Engine) Issue(ctx context.Context, o Order) (Receipt, error) {
	sel, err := o.Selector.Canonical()
	if err != nil {
		return Receipt{}, fmt.Errorf("purge: %w", err)
	}
	if o.Mode > ModeSoft {
		return Receipt{}, fmt.Errorf("purge: %s is unknown", o.Mode)
	}
	if o.Timeout < 0 || o.Timeout > MaxTimeout {
		return Receipt{}, fmt.Errorf("purge: timeout must be above 0 and at most %s", MaxTimeout)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if err := ctx.Err(); err != nil {
		return Receipt{}, fmt.Errorf("purge: %w", err)
	}
	o.Selector = sel
	if o.Key == "" {
		return e.issue(o)
	}
	if len(o.Key) > maxKey || len(o.Body) > maxKey {
		return Receipt{}, fmt.Errorf("purge: a key and a body's digest have at most %d bytes", maxKey)
	}
	// Those that come at once wait for the first, and find what it has left.
	err = e.asking.once(o.Key, func() error {
		if _, known := e.known.asked(o.Key, e.cfg.Now()); known {
			return nil
		}
		_, err := e.issue(o)
		return err
	})
	if err != nil {
		return Receipt{}, err
	}
	rec, known := e.known.asked(o.Key, e.cfg.Now())
	switch {
	case !known:
		return Receipt{}, fmt.Errorf("purge: %w: it is not known any more", ErrNotDurable)
	case rec.Body != o.Body:
		return Receipt{}, fmt.Errorf("purge %s: %w", rec.Dot, ErrOtherBody)
	}
	return e.receipt(rec), nil
}

// issue carries out a valid order.
func (e *Engine) issue(o Order) (Receipt, error) {
	payload, err := encode(Record{
		Selector: o.Selector, Mode: o.Mode, At: e.cfg.Now(), By: o.By, Expected: e.expected(), Timeout: o.Timeout, Key: o.Key, Body: o.Body,
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("purge: %w", err)
	}
	if !e.enter() {
		return Receipt{}, ErrClosed
	}
	defer e.active.Done()
	dot, err := e.cluster.Load().Spread.Publish(payload)
	if errors.Is(err, ErrClosed) {
		return Receipt{}, ErrClosed
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("purge: %w: %w", ErrNotDurable, err)
	}
	r, ok := e.Receipt(dot)
	if !ok {
		return Receipt{}, fmt.Errorf("purge %s: %w: it was not handed back", dot, ErrNotDurable)
	}
	return r, nil
}

// Deliver applies a purge of any node, as it was published, and returns this
// node's receipt. One that is known already changes nothing. A payload that is
// no purge gives an error that no repetition mends; a journal that fails gives
// ErrNotDurable, a closed Engine ErrClosed, and then it must be delivered again.
func (e *Engine) Deliver(dot gossip.Dot, payload []byte) (Receipt, error) {
	rec, err := decode(dot, payload)
	if err != nil {
		return Receipt{}, err
	}
	if err := e.Apply(rec); err != nil {
		return Receipt{}, err
	}
	r, _ := e.Receipt(dot)
	return r, nil
}

// Apply makes a purge of any node durable here, and carries it out. One whose
// dot is known changes nothing, also if both come at once. The error is that of
// Deliver.
func (e *Engine) Apply(rec Record) error {
	if !e.enter() {
		return ErrClosed
	}
	defer e.active.Done()
	return e.arriving.once(rec.Dot, func() error {
		if _, known := e.known.get(rec.Dot.String()); known {
			return nil
		}
		rec.Applied = nil
		if err := e.journal.Append(rec); err != nil {
			return fmt.Errorf("purge %s: %w: %w", rec.Dot, ErrNotDurable, err)
		}
		rec := e.raise(rec)
		if !e.queue.push(rec) {
			e.tellSwept(rec) // it will not be: whoever waits for it must not wait for ever
		}
		return nil
	})
}

// raise applies a durable purge and tells the hooks.
func (e *Engine) raise(rec Record) Record {
	names, voters := e.expected(), e.voters()
	e.apply.Lock()
	defer e.apply.Unlock()
	e.marks.Raise(rec.Selector, rec.Mode)
	now := e.cfg.Now()
	rec.Applied = &Applied{AfterMS: milliseconds(now.Sub(rec.At))}
	e.known.add(rec, names, voters, now)
	for _, hook := range e.hooks {
		hook(rec)
	}
	for _, hook := range e.receipts {
		hook(e.receipt(rec))
	}
	return rec
}

// Receipt returns this node's receipt of a purge, false if it has not applied
// it, or no longer knows.
func (e *Engine) Receipt(dot gossip.Dot) (Receipt, bool) {
	rec, ok := e.known.get(dot.String())
	if !ok {
		return Receipt{}, false
	}
	return e.receipt(rec), true
}

func (e *Engine) receipt(rec Record) Receipt {
	return Receipt{
		Dot: rec.Dot, Node: e.cfg.Node,
		AppliedAfterMS: rec.Applied.AfterMS, Entries: rec.Applied.Entries,
	}
}

// SubscribeReceipts has hook called with this node's receipt of every purge from
// now on: once it is applied, by whoever delivers it and before that returns, and
// again with its entries, if they are counted. It must be quick.
func (e *Engine) SubscribeReceipts(hook func(Receipt)) {
	e.apply.Lock()
	defer e.apply.Unlock()
	e.receipts = append(e.receipts, hook)
}

func (e *Engine) tellReceipt(r Receipt) {
	e.apply.Lock()
	hooks := e.receipts
	e.apply.Unlock()
	for _, hook := range hooks {
		hook(r)
	}
}
