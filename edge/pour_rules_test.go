package edge_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/invalidation"
)

// peersFunc is other nodes that are asked for what they have.
type peersFunc func() (*edge.Answer, error)

func (p peersFunc) Stored(context.Context, *edge.Fetch) (*edge.Answer, error) { return p() }

// Where something else may be shown for what breaks off, its beginning is shown to
// nobody: an error may be replaced by what another node has, and that by the error.
func TestWhatMayBeReplacedIsShownAsAWhole(t *testing.T) {
	for name, from := range map[string]string{"an error": "origin", "what another node has": "peer"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w *io.PipeWriter
				broken := func(status int) (*edge.Answer, error) {
					a := dated(answer(status, "", "Cache-Control: max-age=60"))
					a.Body, w = io.Pipe()
					a.Length = -1
					return a, nil
				}
				n := newNode(t, func(_ *edge.Config, d *edge.Deps) {
					d.Peers = peersFunc(func() (*edge.Answer, error) {
						if from == "peer" {
							return broken(200)
						}
						return dated(answer(200, "of another", "Cache-Control: max-age=60")), nil
					})
				})
				n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
					if from == "origin" {
						return broken(500)
					}
					return nil, errors.New("down")
				})
				done := make(chan shown, 1)
				go func() { done <- open(t, n, "/page") }()
				synctest.Wait()
				put(t, w, "begin")
				time.Sleep(time.Second) // longer than any reader is kept from what has come
				synctest.Wait()
				early := len(done)
				require.NoError(t, w.CloseWithError(errors.New("reset")))
				s := <-done
				require.Zero(t, early, "nothing is shown of it")
				if from == "peer" {
					require.Equal(t, 502, s.x.Rep.Status)
					return
				}
				require.Equal(t, 200, s.x.Rep.Status)
				s.whole("of another")
			})
		})
	}
}

// What is fresh for no time but may be shown while it is asked for anew has readers
// beside the first.
func TestContentThatIsStaleAtOnceIsShared(t *testing.T) {
	n := newNode(t)
	writers := slowly(n, -1, "Cache-Control: max-age=0, stale-while-revalidate=60")
	done := make(chan shown)
	go func() { done <- open(t, n, "/slow") }()
	w := <-writers
	put(t, w, "01234")
	leader := <-done
	go func() { done <- open(t, n, "/slow") }()
	var second shown
	select {
	case second = <-done:
	case w := <-writers:
		_ = w.Close()
		t.Fatal("it asks again")
	}
	put(t, w, "56789")
	require.NoError(t, w.Close())
	leader.whole("0123456789")
	second.whole("0123456789")
}

// Content that is too large to keep supersedes the copy before it all the same.
func TestContentTooLargeToKeepSupersedesTheCopy(t *testing.T) {
	n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.MaxObject = 1000 })
	n.always(200, "first", "Cache-Control: max-age=1, must-revalidate", `Etag: "1"`)
	n.get("/page")
	n.at(10 * time.Second)
	large := strings.Repeat("x", 5000)
	var asked []string
	n.up.set(func(_ context.Context, f *edge.Fetch) (*edge.Answer, error) {
		for _, l := range f.Fields {
			if l.Name == "If-None-Match" {
				asked = append(asked, l.Value)
			}
		}
		a := answer(200, large, "Cache-Control: max-age=1, must-revalidate", `Etag: "2"`)
		a.Length = -1
		return a, nil
	})
	require.Equal(t, large, n.get("/page").body)
	require.Equal(t, large, n.get("/page").body)
	require.Equal(t, []string{`"1"`}, asked, "the former one is asked about once")
}

// Content that turns out to be too large before anybody was shown of it is told of as
// what passes, also by the timer that shows what has come by then.
func TestContentThatPassesSoonIsToldAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, func(c *edge.Config, _ *edge.Deps) { c.MaxObject = 10 })
		writers := slowly(n, -1, "Cache-Control: max-age=60")
		done := make(chan shown, 1)
		go func() { done <- open(t, n, "/slow") }()
		w := <-writers
		put(t, w, "0123456789 and more")
		time.Sleep(time.Second) // the content goes on for longer than a reader is kept from what has come
		s := <-done
		require.False(t, s.x.Rep.Cache.Stored)
		go func() { _ = w.Close() }()
		s.whole("0123456789 and more")
	})
}

// What a purge has hit before it began to come is not said to be stored.
func TestPurgedBeforeItComesPromisesNothing(t *testing.T) {
	n := newNode(t)
	asked, writers := make(chan struct{}), make(chan *io.PipeWriter, 1)
	gate := make(chan struct{})
	n.up.set(func(context.Context, *edge.Fetch) (*edge.Answer, error) {
		close(asked)
		<-gate
		r, w := io.Pipe()
		writers <- w
		a := answer(200, "", "Cache-Control: max-age=60")
		a.Body, a.Length = r, 5
		return a, nil
	})
	done := make(chan shown)
	go func() { done <- open(t, n, "/slow") }()
	<-asked
	n.marks.Raise(cachekey.Selector{All: true}, invalidation.ModeHard)
	close(gate)
	w := <-writers
	put(t, w, "0")
	s := <-done
	put(t, w, "1234")
	require.NoError(t, w.Close())
	s.whole("01234")
	require.False(t, s.x.Rep.Cache.Stored)
}
