package admin

import (
	"container/list"
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
)

// Bounds on the keys that are remembered.
const (
	maxKeys = 10_000
	keyLife = 24 * time.Hour
	maxKey  = 255 // bytes of a key
)

// idempotencyKey reads the request's key, scoped to its principal: one client
// must neither learn nor block another's. It is "" if there is none.
func idempotencyKey(r *request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(values[0])
	if len(values) > 1 || key == "" || len(key) > maxKey ||
		strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", adminapi.BadHeader("Idempotency-Key", "must be 1 to 255 visible ASCII characters, given once")
	}
	return r.who.Name + " " + key, nil
}

// keys remembers what was done under which key.
type keys struct {
	now func() time.Time

	mu    sync.Mutex // guards what follows
	byKey map[string]*list.Element
	order *list.List // of *deed, the oldest first
}

// deed is what is, or is being, done under a key. id is set before done is
// closed; "" means that it failed.
type deed struct {
	key  string
	body [sha256.Size]byte
	at   time.Time
	done chan struct{}
	id   string
}

func newKeys(now func() time.Time) *keys {
	return &keys{now: now, byKey: make(map[string]*list.Element), order: list.New()}
}

// once calls do unless it was called with that key before; then it returns what
// do returned, or a 422 if the body was another. It waits for a call that is
// under way. What failed may be tried again. An empty key is no key.
func (k *keys) once(ctx context.Context, key string, body [sha256.Size]byte, do func() (string, error)) (string, error) {
	if key == "" {
		return do()
	}
	for {
		d, mine := k.claim(key, body)
		if mine {
			return k.carryOut(d, do)
		}
		if d.body != body {
			return "", adminapi.NewProblem(http.StatusUnprocessableEntity, "the Idempotency-Key was used with another body")
		}
		select {
		case <-d.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if d.id != "" {
			return d.id, nil
		}
	}
}

func (k *keys) carryOut(d *deed, do func() (string, error)) (id string, err error) {
	defer func() { // also if do panics: nobody may wait for ever
		d.id = id
		if id == "" {
			k.forget(d)
		}
		close(d.done)
	}()
	id, err = do()
	if err != nil {
		id = ""
	}
	return id, err
}

// claim returns the deed of a key, and whether the caller is to do it.
func (k *keys) claim(key string, body [sha256.Size]byte) (*deed, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	for e := k.order.Front(); e != nil; e = k.order.Front() {
		d := e.Value.(*deed)
		if now.Sub(d.at) < keyLife && k.order.Len() < maxKeys {
			break
		}
		k.remove(e)
	}
	if e, found := k.byKey[key]; found {
		return e.Value.(*deed), false
	}
	d := &deed{key: key, body: body, at: now, done: make(chan struct{})}
	k.byKey[key] = k.order.PushBack(d)
	return d, true
}

func (k *keys) forget(d *deed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e, found := k.byKey[d.key]; found && e.Value == d {
		k.remove(e)
	}
}

func (k *keys) remove(e *list.Element) {
	delete(k.byKey, k.order.Remove(e).(*deed).key)
}
