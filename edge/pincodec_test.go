package edge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/edge/freshness"
)

func drawSlot(t *rapid.T) *Slot {
	text := rapid.StringN(0, 20, 40)
	list := rapid.SliceOfN(text, 1, 5)
	fields := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Field {
		return Field{text.Draw(t, "name"), text.Draw(t, "value")}
	}), 1, 6).Draw(t, "fields")
	art := &draft{
		Status: rapid.IntRange(200, 599).Draw(t, "status"), Fields: fields, Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
		ETag: text.Draw(t, "etag"), LastModified: text.Draw(t, "modified"), upstreamETag: text.Draw(t, "upstream"), control: text.Draw(t, "control"),
	}
	s := &Slot{
		Art: art.pack(), Vector: text.Draw(t, "vector"),
		Settled: rapid.Bool().Draw(t, "settled"), ReceivedAt: time.Unix(0, rapid.Int64().Draw(t, "received")),
	}
	s.beside = &beside{variant: text.Draw(t, "variant"), vary: list.Draw(t, "vary"), tags: list.Draw(t, "tags")}
	seconds := func(name string) time.Duration { return time.Duration(rapid.Int32Min(0).Draw(t, name)) * time.Second }
	s.Rules = freshness.Terms{
		Storable: true, Lifetime: seconds("life"), InitialAge: seconds("age"), SWR: seconds("swr"), SIE: seconds("sie"),
		Immutable: rapid.Bool().Draw(t, "immutable"), NoTransform: rapid.Bool().Draw(t, "transform"), Heuristic: rapid.Bool().Draw(t, "heuristic"),
		HasValidator: rapid.Bool().Draw(t, "validator"), HasDate: rapid.Bool().Draw(t, "date"),
	}
	return s
}

func TestPinsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSlot(t)
		position := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "position")
		data := appendPin(nil, s, position)
		got, at, err := decodePin(data)
		require.NoError(t, err)
		require.Equal(t, string(position), string(at))
		if len(s.Art.Body) == 0 {
			require.Empty(t, got.Art.Body)
			got.Art.Body = s.Art.Body
		}
		require.Equal(t, s, got)

		// What a disk has changed is no pin.
		data[rapid.IntRange(0, len(data)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, _, err = decodePin(data)
		require.ErrorIs(t, err, errPin)
		_, _, err = decodePin(data[:rapid.IntRange(0, len(data)-1).Draw(t, "cut")])
		require.ErrorIs(t, err, errPin)
	})
}

func FuzzPin(f *testing.F) {
	s := NewSlot(NewArtifact(200, []byte("{}"), Field{"Etag", `"x"`}), []string{"doc:trial"}, []string{"Accept-Language"}, "en")
	s.Vector, s.ReceivedAt, s.Settled = "trial=42", time.Unix(1, 0), true
	whole := appendPin(nil, s, []byte("p"))
	f.Add(whole[:len(whole)-pinSum])
	f.Add([]byte{pinVersion, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, parts []byte) {
		// The sum is put right, or nothing behind it would ever be read.
		s, position, err := decodePin(sealPin(parts))
		if err != nil {
			require.Nil(t, s)
			return
		}
		again, _, err := decodePin(appendPin(nil, s, position))
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}
