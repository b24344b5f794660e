package h3

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/serve/section"
)

// importances notes what a stream was told.
type importances struct{ told []section.Importance }

func (s *importances) SetPriority(u int8, i bool) {
	s.told = append(s.told, section.Importance{Urgency: uint8(u), Incremental: i})
}

func (s *importances) last() section.Importance { return s.told[len(s.told)-1] }

func TestPriorities(t *testing.T) {
	one, two := section.Importance{Urgency: 1, Incremental: true}, section.Importance{Urgency: 2, Incremental: true}
	var p priorities
	str := &importances{}
	p.accepted(0)
	require.Equal(t, unsaid(), p.opened(0, str, false, section.Default()))
	require.Empty(t, str.told, "a client that knows nothing of RFC 9218")

	require.False(t, p.update(4, one, 128).is(), "before its stream")
	require.False(t, p.update(4, two, 128).is(), "and again")
	p.accepted(4)
	require.Equal(t, two, p.opened(4, str, true, one))
	require.Equal(t, []section.Importance{two}, str.told, "an update wins")
	require.Empty(t, p.early)

	p.wait(4, str, two)
	require.False(t, p.update(4, one, 128).is())
	require.Equal(t, []section.Importance{two, one}, str.told, "while its answer waits")
	p.done(4)
	require.False(t, p.update(4, two, 128).is())
	require.Len(t, str.told, 2, "a stream that is done")

	p.accepted(8)
	require.Equal(t, section.Default(), p.opened(8, str, false, section.Default()), "the default of RFC 9218 from now on")
	require.Equal(t, unsaid(), str.last(), "as long as nothing is written")
	p.wait(8, str, section.Default())
	require.False(t, p.update(8, section.Importance{Urgency: 5}, 128).is())
	require.Equal(t, section.Importance{Urgency: 5, Incremental: true}, str.last())
	p.writing(8)
	require.Equal(t, section.Importance{Urgency: 5}, str.last())

	p.accepted(12)
	p.wait(12, str, unsaid()) // its header section is not there yet
	p.opened(12, str, true, section.Importance{Urgency: 6})
	p.writing(12)
	require.Equal(t, section.Importance{Urgency: 6}, str.last())

	for id := int64(16); id < 16+4*300; id += 4 {
		require.Equal(t, id >= 16+8*128, p.update(id, one, 128).is())
	}
	require.Len(t, p.early, maxEarly)
}

// TestTurns: answers that are not incremental have their turns in the order of their
// streams, and lose them while nothing of them goes out.
func TestTurns(t *testing.T) {
	var p priorities
	p.accepted(20)
	streams := map[int64]*importances{}
	for id, i := range map[int64]section.Importance{0: {Urgency: 3}, 4: {Urgency: 3}, 8: {Urgency: 3}, 12: {Urgency: 2}, 16: {Urgency: 3, Incremental: true}, 20: {Urgency: 3}} {
		streams[id] = &importances{}
		p.wait(id, streams[id], i)
		if id != 20 {
			p.writing(id)
		}
	}
	first := func() (all []int64) { // those before which no other goes
		for _, id := range []int64{0, 4, 8, 12, 16, 20} {
			if s := streams[id]; s.told != nil && !s.last().Incremental {
				all = append(all, id)
			}
		}
		return all
	}
	require.Equal(t, []int64{0, 4, 8, 12}, first())
	p.stalled(4)
	p.stalled(16)
	p.stalled(20)
	require.Equal(t, []int64{0, 4, 8, 12}, first(), "they wait for their turn, or have none")
	p.stalled(12)
	require.Equal(t, []int64{0, 4, 8}, first(), "of another urgency")
	p.stalled(0)
	p.stalled(4)
	require.Equal(t, []int64{8}, first())
	p.moved(0)
	p.moved(8)
	p.stalled(8)
	require.Equal(t, []int64{0, 8}, first())
	require.False(t, p.update(4, section.Importance{Urgency: 1}, 128).is())
	require.Equal(t, section.Importance{Urgency: 1, Incremental: true}, streams[4].last(), "it has still not moved")
	p.moved(4)
	require.Equal(t, []int64{0, 4, 8}, first())

	told := len(streams[0].told)
	p.writing(0)
	p.moved(0)
	require.Len(t, streams[0].told, told, "nothing new")
	p.done(0)
	require.Equal(t, []int64{4, 8}, first(), "the rest of it keeps nobody waiting")
	p.stalled(0)
	p.moved(0)
	p.writing(0)
	require.Len(t, streams[0].told, told+1)
}

// sized answers with as many bytes as its target says, at once or in pieces, of which it
// tells how much has been taken.
func sized(taken chan<- int) coreFunc {
	return coreFunc{serve: func(_ context.Context, x *edge.Exchange) {
		size, inPieces := strings.CutPrefix(x.Req.Target[1:], "pieces/")
		n, _ := strconv.Atoi(size) // 0 for what is none
		says(x, strings.Repeat("x", n))
		if inPieces {
			x.Rep.Stream, x.Rep.Body = io.NopCloser(&piecemeal{Reader: strings.NewReader(string(x.Rep.Body)), taken: taken}), nil
		}
	}}
}

// piecemeal is read a thousand bytes at a time.
type piecemeal struct {
	io.Reader
	all   int
	taken chan<- int
}

func (p *piecemeal) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b[:min(len(b), 1000)])
	p.all += n
	p.taken <- p.all
	return n, err
}

// windowed is a client with windows of a size for a stream and for the connection, that
// says of all its requests that they have the default importance.
func (r *rig) windowed(stream, conn uint64) (get func(what string, size int) (io.ReadCloser, error), done func()) {
	tr := &http3.Transport{DisableCompression: true, TLSClientConfig: r.tls(), Dial: quic.DialAddrEarly, QUICConfig: &quic.Config{
		InitialStreamReceiveWindow: stream, MaxStreamReceiveWindow: stream, InitialConnectionReceiveWindow: conn, MaxConnectionReceiveWindow: conn,
	}}
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	return func(what string, size int) (io.ReadCloser, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://%s/%s%d", r.addr, what, size), nil)
			require.NoError(r.t, err)
			req.Header.Set("Priority", "u=3")
			resp, err := tr.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			return resp.Body, nil
		}, func() {
			cancel()
			_ = tr.Close()
		}
}

// TestSmallWindows: an answer that was handed over whole, and so has its share of the
// connection's window, is not kept back by one before it that waits for that window.
func TestSmallWindows(t *testing.T) {
	r := start(t, sized(nil))
	for range 50 {
		get, done := r.windowed(5000, 10_000)
		var all sync.WaitGroup
		errs := make([]error, 24)
		for i := range errs {
			all.Go(func() {
				body, err := get("", []int{1000, 1500, 3000, 30_000}[i%4])
				if err == nil {
					_, err = io.Copy(io.Discard, body)
				}
				errs[i] = err
			})
		}
		all.Wait()
		done()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
}

// TestAPausedAnswerKeepsNobodyWaiting: the client reads nothing of an answer, of which a
// little more is left than its stream's window.
func TestAPausedAnswerKeepsNobodyWaiting(t *testing.T) {
	const window = 32 << 10
	for _, c := range []struct {
		what string
		left int
	}{{"", -200}, {"", 300}, {"", 2000}, {"", 20_000}, {"pieces/", 300}, {"pieces/", 20_000}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			taken := make(chan int, 100)
			r := start(t, sized(taken), func(c *Config) { c.WriteTimeout = time.Hour })
			get, done := r.windowed(window, 1<<20)
			defer done()
			paused, err := get(c.what, window+c.left)
			require.NoError(t, err)
			for all := 0; c.what != "" && all < window+min(c.left, 2000); {
				all = <-taken // it fits in nowhere
			}
			for range 2 {
				other, err := get("", 3*window)
				require.NoError(t, err)
				n, err := io.Copy(io.Discard, other)
				require.NoError(t, err)
				require.EqualValues(t, 3*window, n)
			}
			n, err := io.Copy(io.Discard, paused)
			require.NoError(t, err)
			require.EqualValues(t, window+c.left, n)
		})
	}
}
