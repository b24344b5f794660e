package section

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"
)

func TestHuffmanReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		got, ok := appendHuffman([]byte("before "), hpack.AppendHuffmanString(nil, string(text)))
		require.True(t, ok)
		require.Equal(t, "before "+string(text), string(got))
	})
}

// FuzzHuffman compares the decoder with x/net's, of which ours must not be more
// lenient or more strict.
func FuzzHuffman(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0xff})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x07}) // "0" and padding
	f.Add([]byte{0x00}) // padding of zeros
	f.Add(hpack.AppendHuffmanString(nil, "/v1/segments/b2b/ctas/trial"))
	f.Add(hpack.AppendHuffmanString(nil, "\x00\x01\xff\xfe{}|~\\^"))
	f.Add(append(hpack.AppendHuffmanString(nil, "abc"), 0xff))
	f.Fuzz(func(t *testing.T, src []byte) {
		want, err := hpack.HuffmanDecodeToString(src)
		got, ok := appendHuffman(nil, src)
		require.Equal(t, err == nil, ok, "%x: %v", src, err)
		if ok {
			require.Equal(t, want, string(got))
		}
	})
}

func TestIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.IntRange(0, maxInt).Draw(t, "v")
		bits := rapid.UintRange(1, 8).Draw(t, "bits")
		first := byte(0)
		if bits < 8 {
			first = 0xff << bits
		}
		b := append(AppendInt(nil, first, bits, v), 0x55)
		require.Equal(t, first, b[0]&^byte(1<<bits-1))
		got, rest, ok := Int(b, bits)
		require.True(t, ok)
		require.Equal(t, v, got)
		require.Equal(t, []byte{0x55}, rest)
		for n := range len(b) - 1 {
			_, _, ok := Int(b[:n], bits)
			require.False(t, ok, "cut short")
		}
	})
	for _, b := range [][]byte{bytes.Repeat([]byte{0xff}, 12), append(bytes.Repeat([]byte{0x80}, 5), 1), {0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}} {
		_, _, ok := Int(append([]byte{0xff}, b...), 7)
		require.False(t, ok, "%x", b)
	}
}
