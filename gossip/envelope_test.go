package gossip

import (
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// keyed signs and verifies with one key, whose certificate is the member's name.
type keyed struct {
	key ed25519.PrivateKey
	who Member
}

func newKeyed(m Member) keyed {
	return keyed{ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), m}
}

func (k keyed) Sign(message []byte) ([]byte, error) { return ed25519.Sign(k.key, message), nil }
func (k keyed) Certificate() []byte                 { return []byte(k.who.Node) }
func (k keyed) Verify(certificate, message, signature []byte) (Member, error) {
	if string(certificate) != k.who.Node || !ed25519.Verify(k.key.Public().(ed25519.PublicKey), message, signature) {
		return Member{}, ErrForged
	}
	m := k.who
	m.Incarnation = 0
	return m, nil
}

var tokyo = Member{Cluster: "letters", Region: "tokyo", Node: "tokyo-1", Incarnation: 7}

func sealed(t require.TestingT) (Envelope, keyed) {
	k := newKeyed(tokyo)
	e := Envelope{Kind: KindPurge, From: tokyo, Seq: 3, Payload: []byte(`{"all":true}`)}
	require.NoError(t, e.Seal(k))
	return e, k
}

func TestEnvelope(t *testing.T) {
	e, k := sealed(t)
	require.NoError(t, e.Open(k))
	require.Equal(t, Dot{"tokyo-1", 7, 3}, e.Dot())
	data, err := e.MarshalBinary()
	require.NoError(t, err)
	var back Envelope
	require.NoError(t, back.UnmarshalBinary(data))
	require.Equal(t, e, back)
	require.NoError(t, back.Open(k))

	other := e
	other.From.Cluster = "strangers"
	require.NoError(t, other.Seal(k))
	require.ErrorIs(t, other.Open(k), ErrForeign)
	other = e
	other.From.Node = "tokyo-2" // by a node's own key, in the name of another
	require.NoError(t, other.Seal(k))
	require.ErrorIs(t, other.Open(k), ErrForged)

	e.Payload = make([]byte, MaxPayload+1)
	require.ErrorContains(t, e.Seal(k), "payload has")
}

// Whatever is changed on the way, the envelope is refused.
func TestEnvelopeTampered(t *testing.T) {
	e, k := sealed(t)
	data, err := e.MarshalBinary()
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		bent := append([]byte(nil), data...)
		bent[rapid.IntRange(0, len(bent)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		var got Envelope
		if got.UnmarshalBinary(bent) == nil {
			require.Error(t, got.Open(k))
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	e, _ := sealed(f)
	data, _ := e.MarshalBinary()
	f.Add(data)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var e, again Envelope
		if e.UnmarshalBinary(data) != nil {
			return
		}
		out, err := e.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalBinary(out))
		require.Equal(t, e, again)
	})
}
