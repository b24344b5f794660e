package docsorigin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Readers ask, pinned and not, while an author edits. Whatever they are given
// belongs together: one vector of versions has one body, and none is older
// than the last edit that ended before the question.
func TestReadersWhileAnAuthorEdits(t *testing.T) {
	d := newDesk(t, nil)
	const edits, readers = 30, 4
	var (
		mu     sync.Mutex
		bodies = map[string]string{}
		ended  = 42
		wg     sync.WaitGroup
		stop   = make(chan struct{})
	)
	read := func(target, pin string) error {
		mu.Lock()
		floor := ended
		mu.Unlock()
		w := ask(d.origin, http.MethodGet, target, "Docs-Pin: "+pin)
		if w.Code != http.StatusOK {
			return fmt.Errorf("%s %s: %d %s", target, pin, w.Code, w.Body)
		}
		var a artifactJSON
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			return err
		}
		if pin == "" && a.Documents["trial"] < int64(floor) {
			return fmt.Errorf("version %d was asked for after %d was written", a.Documents["trial"], floor)
		}
		mu.Lock()
		defer mu.Unlock()
		key := target + " " + w.Header().Get("Docs-Version")
		if first, ok := bodies[key]; ok && first != w.Body.String() {
			return fmt.Errorf("%s has two bodies", key)
		}
		bodies[key] = w.Body.String()
		return nil
	}
	errs := make(chan error, readers)
	for range readers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, pin := range []string{"", "trial=42"} {
					if err := read(trialPath+"?lang=en", pin); err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	for v := 42; v < 42+edits; v++ {
		d.raise(v, v+1, "Try it")
		mu.Lock()
		ended = v + 1
		mu.Unlock()
		d.get(trialPath)
	}
	close(stop)
	wg.Wait()
	select {
	case err := <-errs:
		require.NoError(t, err)
	default:
	}
}

// The rule of look: who waited for a look that began before it came looks
// itself; who waited for one that began after it came does not.
func TestWaitersShareALookThatBeganAfterThem(t *testing.T) {
	d := newDesk(t, nil)
	l := d.origin.library
	arrived := l.started.Load()
	d.raise(42, 43, "Try it")
	require.EqualValues(t, 43, l.lookSince(arrived).current["trial"].version)
	looks := l.started.Load()
	require.Equal(t, arrived+1, looks)

	d.raise(43, 44, "Try it")
	require.EqualValues(t, 43, l.lookSince(arrived).current["trial"].version, "one that waited since before")
	require.Equal(t, looks, l.started.Load())
	require.EqualValues(t, 44, l.lookSince(looks).current["trial"].version, "one that came after the edit")
}
