package precompute

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/letteros/letteredge/cachekey"
)

// Keeper knows which Summaries readers have asked for, and rebuilds those that a
// purge has hit.
type Keeper struct {
	warm Warm
	log  *slog.Logger
	max  int

	mu      sync.Mutex
	known   map[variant]*kept
	order   []variant // for eviction, oldest first
	pending []variant
	wake    chan struct{}

	rebuilt, failed atomic.Uint64
}

// Warm makes sure that the artifact of key is stored and fresh, as a reader with
// these languages would get it.
type Warm func(ctx context.Context, key cachekey.Key, acceptLanguage string) error

// variant is a Summary as one group of readers gets it.
type variant struct{ text, acceptLanguage string }

type kept struct {
	key     cachekey.Key
	tags    []string
	pending bool
}

// DefaultKept bounds the Summaries that a Keeper knows.
const DefaultKept = 10_000

// NewKeeper returns a Keeper of at most max Summaries; the longest known is
// forgotten for a new one.
func NewKeeper(max int, warm Warm, log *slog.Logger) *Keeper {
	if max <= 0 {
		max = DefaultKept
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{warm: warm, log: log, max: max, known: make(map[variant]*kept), wake: make(chan struct{}, 1)}
}

// Note is told of every Summary that was built, with its tags.
func (k *Keeper) Note(key cachekey.Key, acceptLanguage string, tags []string) {
	v := variant{key.Text, acceptLanguage}
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, ok := k.known[v]; ok {
		s.tags = tags
		return
	}
	for len(k.known) >= k.max {
		delete(k.known, k.order[0])
		k.order = k.order[1:]
	}
	k.known[v] = &kept{key: key.Clone(), tags: tags}
	k.order = append(k.order, v)
}

// Purged queues what the selector has hit. It does not block.
func (k *Keeper) Purged(sel cachekey.Selector) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for v, s := range k.known {
		if s.pending || !sel.Matches(cachekey.Subject{Key: &s.key, Tags: s.tags}) {
			continue
		}
		s.pending = true
		k.pending = append(k.pending, v)
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Rebuilt is how many Summaries have been built anew, Failed how many could not
// be: those are built when they are next asked for.
func (k *Keeper) Rebuilt() uint64 { return k.rebuilt.Load() }

// Failed is how many rebuilds did not succeed.
func (k *Keeper) Failed() uint64 { return k.failed.Load() }

// workers bounds the rebuilds under way: readers' fills come first.
const workers = 4

// Run rebuilds until ctx ends, and joins its workers then.
func (k *Keeper) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	places := make(chan struct{}, workers)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.wake:
		}
		for {
			key, v, ok := k.next()
			if !ok {
				break
			}
			select {
			case <-ctx.Done():
				return nil
			case places <- struct{}{}:
			}
			work.Go(func() {
				defer func() { <-places }()
				k.rebuild(ctx, key, v)
			})
		}
	}
}

// next takes one from the queue. Its pending mark goes before the build begins:
// a purge during the build queues it again.
func (k *Keeper) next() (cachekey.Key, variant, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.pending) > 0 {
		v := k.pending[0]
		k.pending = k.pending[1:]
		if s, ok := k.known[v]; ok {
			s.pending = false
			return s.key, v, true
		}
	}
	return cachekey.Key{}, variant{}, false
}

func (k *Keeper) rebuild(ctx context.Context, key cachekey.Key, v variant) {
	if err := k.warm(ctx, key, v.acceptLanguage); err != nil {
		if ctx.Err() == nil {
			k.failed.Add(1)
			k.log.Warn("summary not rebuilt", "key", key.Text, "err", err)
		}
		return
	}
	k.rebuilt.Add(1)
}
