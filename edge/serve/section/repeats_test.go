package section

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repeating is a connection whose blocks are lines of "name=value" words, all of them
// requests for a.test.
type repeating struct {
	Repeats
	seed maphash.Seed
}

// ask reports whether a block was known; one that is not is answered, and learnt.
func (r *repeating) ask(words string, table uint64) (known *Repeat) {
	b := NewBlock(r.seed, []byte(words), table)
	if known = r.Find(b); known != nil {
		return known
	}
	if k := r.Due(b, 4000); k != nil {
		lines := []string{":method", "GET", ":scheme", "https", ":authority", "a.test"}
		for _, word := range strings.Fields(words) {
			name, value, _ := strings.Cut(word, "=")
			lines = append(lines, name, value)
		}
		read(&k.Fields, lines...)
		r.Keep(k, 1000)
	}
	return nil
}

// kept is how many requests are kept.
func (r *repeating) kept() (n int) {
	for _, k := range r.of {
		if k != nil {
			n++
		}
	}
	return n
}

// A request is known from its third time on, to the state of the table that it was read in.
func TestRepeatsAreKnownByTheirBytesAndTheTable(t *testing.T) {
	r := &repeating{seed: maphash.MakeSeed()}
	require.Nil(t, r.ask(":path=/x user-agent=t priority=u=1", 7))
	require.Nil(t, r.ask(":path=/x user-agent=t priority=u=1", 7))
	k := r.ask(":path=/x user-agent=t priority=u=1", 7)
	require.NotNil(t, k)
	require.Equal(t, "/x", k.Req.Target)
	require.Equal(t, "a.test", k.Req.Host)
	require.Equal(t, "t", k.Req.Fields.Get("User-Agent"))
	require.Equal(t, Importance{Urgency: 1}, k.Head.Priority)
	require.True(t, k.Head.Prioritized)
	require.NotNil(t, k.Req.Memo)
	require.Nil(t, r.ask(":path=/x user-agent=t priority=u=1", 8), "the same bytes are another request then")
	require.Nil(t, r.ask(":path=/x user-agent=t priority=u=2", 7))
}

// What the connection has forgotten is whole for whoever has it, whatever comes then.
func TestRepeatsThatAreForgotten(t *testing.T) {
	r := &repeating{seed: maphash.MakeSeed()}
	for range 2 {
		r.ask(":path=/x cookie=mine", 0)
	}
	k := r.ask(":path=/x cookie=mine", 0)
	r.Forget(k)
	r.Forget(k)
	require.Zero(t, r.kept())
	for i := range 100 {
		for range 3 {
			r.ask(fmt.Sprintf(":path=/x cookie=%d", i), 0)
		}
		require.Equal(t, "mine", k.Req.Fields.Get("Cookie"))
	}
}

// What comes once is not kept, nor what is large, malformed or refused; and of all else
// there are never more than eight, of which one that is used gives way to another that
// comes again and again.
func TestRepeatsAreBounded(t *testing.T) {
	r := &repeating{seed: maphash.MakeSeed()}
	for i := range 100 {
		r.ask(fmt.Sprintf(":path=/%d", i), 0)
	}
	require.Zero(t, r.kept(), "nothing came twice")
	for name, words := range map[string]string{
		"a block that is too long": ":path=/" + strings.Repeat("x", maxRepeatBlock),
		"too many lines":           ":path=/" + strings.Repeat(" a=", maxRepeatLines),
		"malformed":                ":path=/ te=gzip",
		"refused":                  ":path=/%zz",
		"too much content":         ":path=/ content-length=1001",
	} {
		for range 4 {
			require.Nil(t, r.ask(words, 0), name)
		}
		require.Zero(t, r.kept(), name)
	}
	most := 0
	for i := range 100 {
		words, times := fmt.Sprintf(":path=/%d", i), 0
		for r.ask(words, 0) == nil {
			times++
			require.Less(t, times, 6, "it comes again and again")
		}
		most = max(most, r.kept())
	}
	require.Equal(t, maxRepeats, most)
}

// beside returns words for the place of others.
func (r *repeating) beside(words, format string) string {
	at := func(words string) uint64 { return NewBlock(r.seed, []byte(words), 0).mark % maxRepeats }
	for i := 0; ; i++ {
		if other := fmt.Sprintf(format, i); other != words && at(other) == at(words) {
			return other
		}
	}
}

// What is not kept has not half taken the place of another.
func TestRepeatsThatAreNotKept(t *testing.T) {
	r := &repeating{seed: maphash.MakeSeed()}
	words := ":path=/"
	bad := r.beside(words, ":path=/ te=%d")
	for range 2 {
		r.ask(words, 0)
	}
	require.Equal(t, 1, r.kept())
	for range 4 {
		require.Nil(t, r.ask(bad, 0))
	}
	if k := r.ask(words, 0); k != nil {
		require.Equal(t, "/", k.Req.Target)
	}
}

// Two that come by turns for one place do not chase each other away for ever: one stays.
func TestRepeatsDoNotChaseEachOther(t *testing.T) {
	r := &repeating{seed: maphash.MakeSeed()}
	first, known := ":path=/", 0
	second := r.beside(first, ":path=/%d")
	for range 100 {
		for range 3 {
			if r.ask(first, 0) != nil {
				known++
			}
		}
		r.ask(second, 0)
	}
	require.Greater(t, known, 250, "of 300")
}
