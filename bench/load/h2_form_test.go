package load

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"
)

// What is put together of prebuilt parts reads as it should with a decoder that
// is not ours, for each request of a connection and whatever table the server has.
func TestH2Form(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[!-~]{0,40}`)
		p := &plan{Config: Config{Method: rapid.SampledFrom([]string{"GET", "HEAD"}).Draw(t, "method")}}
		want := []hpack.HeaderField{{Name: ":method", Value: p.Method}, {Name: ":scheme", Value: "https"}, {Name: ":path"}, {Name: ":authority", Value: "edge.test"}}
		for range rapid.IntRange(0, 5).Draw(t, "fields") {
			f := Field{"X-" + rapid.StringMatching(`[A-Za-z]{1,8}`).Draw(t, "name"), text.Draw(t, "value")}
			p.Header = append(p.Header, f)
			want = append(want, hpack.HeaderField{Name: strings.ToLower(f.Name), Value: f.Value})
		}
		want = append(want, hpack.HeaderField{Name: "user-agent", Value: userAgent})
		table := rapid.SampledFrom([]uint32{0, 100, 1000, 4096, 65536}).Draw(t, "table")
		form := newH2Form(p, "edge.test", table)
		server := hpack.NewDecoder(min(table, defaultTable), nil)
		for i := range 3 {
			path := "/" + text.Draw(t, "path")
			want[2].Value = path
			frame := form.appendRequest(nil, uint32(2*i+1), &target{h2path: h2Path(path)})
			got, err := server.DecodeFull(frame[frameHead:])
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}
