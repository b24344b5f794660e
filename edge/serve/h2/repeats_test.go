package h2

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
	"github.com/letteros/letteredge/edge/serve/section"
)

// known returns what a connection knows of a block.
func known(c *conn, block []byte) *section.Repeat {
	return c.repeats.Find(section.NewBlock(c.srv.seed, block, c.dec.changes))
}

// A connection that knows its requests shows the core what x/net's decoder reads,
// however blocks that come again are mixed with those that change the table: the same
// bytes are another request then.
func TestRepeatsAreWhatTheySay(t *testing.T) {
	tt, all, repeated := t, 0, 0
	const head = "\x82\x87\x01\x09edge.test"
	blocks := []string{
		head + "\x84", head + "\x84\xbe", head + "\x84\xbf", head + "\x04\x02/a\xbe", head + "\x84\xbe\xbf", // indexes of the table's
		head + "\x84\x40\x03x-a\x011", head + "\x84\xbe\x40\x03x-a\x012", head + "\x84\x7e\x013", // lines that enter it
		"\x3f\x4f" + head + "\x84", "\x3f\xe1\x1f" + head + "\x84", // its size: 110, which is three lines, and 4096
	}
	mixed := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), 40, 120)
	sizes := rapid.SliceOfN(rapid.SampledFrom([]int{1, 8, 9}), 10, 20)
	rapid.Check(t, func(t *rapid.T) {
		var got, want []string
		s, err := New(atOnce(func(x *edge.Exchange) {
			got = append(got, edgetest.Told(x))
			x.Rep.Status, x.Rep.Body = 200, []byte("x")
			x.Rep.Length = 1
		}), bounds())
		require.NoError(t, err)
		c := adrift(tt, s)
		c.peerWindow, c.sendWindow = maxWindow, 1<<62
		dec, plain, rest := hpack.NewDecoder(tableSize, nil), newDecoder(s.static), s.newExchange()
		for i, which := range append([]int{5, 6, 7}, rapid.OneOf(mixed, sizes).Draw(t, "blocks")...) {
			block := []byte(blocks[which])
			lines, err := dec.DecodeFull(block)
			require.NoError(t, err)
			require.True(t, plain.decode(block, &rest.fields))
			rest.fields.Reset()
			says := "GET edge.test"
			for _, l := range lines {
				switch {
				case l.Name == ":path":
					says += " " + l.Value
				case l.Name[0] != ':':
					says += " " + l.Name + "=" + l.Value
				}
			}
			if known(c, block) != nil {
				repeated++
			}
			all++
			require.NoError(t, c.frame(frame{frameHeaders, flagEndHeaders | flagEndStream, uint32(2*i + 1), block}))
			want = append(want, says)
			require.NoError(t, c.flushReader())
		}
		require.Equal(t, want, got)
		require.Equal(t, plain.lines[plain.first:], c.dec.lines[c.dec.first:], "the table is what all blocks have made of it")
		require.Equal(t, plain.max, c.dec.max)
	})
	require.Greater(t, repeated, all/20, "of %d", all)
}

// What is known of a request leaves with an exchange that leaves the reader: nobody
// else may work with it then.
func TestRepeatsLeaveWithTheirExchange(t *testing.T) {
	waits := false
	hold, got := make(chan struct{}), make(chan string, 8)
	s := newServer(t, phases{
		begin: func(x *edge.Exchange) bool {
			x.Rep.Status, x.Rep.Length = 200, 0
			return !waits
		},
		finish: func(x *edge.Exchange) {
			<-hold
			got <- edgetest.Told(x)
		},
	})
	c := adrift(t, s)
	id := uint32(1)
	block := func(path string) []byte { return []byte("\x82\x87\x01\x09edge.test\x04\x02" + path) }
	ask := func(path string) {
		require.NoError(t, c.frame(frame{frameHeaders, flagEndHeaders | flagEndStream, id, block(path)}))
		require.NoError(t, c.flushReader())
		id += 2
	}
	for range 3 {
		ask("/a")
	}
	require.NotNil(t, known(c, block("/a")), "it has come three times")
	waits = true
	ask("/a")
	require.Nil(t, known(c, block("/a")), "it is another goroutine's now")
	ask("/b")
	close(hold)
	c.work.Wait()
	require.ElementsMatch(t, []string{"GET edge.test /a", "GET edge.test /b"}, []string{<-got, <-got})
}

// phases is a core whose phases are told apart.
type phases struct {
	begin  func(x *edge.Exchange) bool
	finish func(x *edge.Exchange)
}

func (p phases) Begin(x *edge.Exchange) bool                { return p.begin(x) }
func (p phases) Finish(_ context.Context, x *edge.Exchange) { p.finish(x) }
