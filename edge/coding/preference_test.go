package coding_test

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/coding"
)

func written(p coding.Preference) string {
	var names []string
	for i := range p.Len() {
		names = append(names, p.At(i).String())
	}
	return strings.Join(names, " ")
}

// RFC 9110 §12.5.3, with its own examples first.
func TestPreference(t *testing.T) {
	c := newCoder(t)
	for _, v := range []struct{ field, want string }{
		{"compress, gzip", "gzip identity"},
		{"", "identity"},
		{"*", "br zstd gzip identity"},
		{"compress;q=0.5, gzip;q=1.0", "gzip identity"},
		{"gzip;q=1.0, identity; q=0.5, *;q=0", "gzip identity"},

		{"gzip, deflate, br, zstd", "br zstd gzip identity"},
		{"gzip, br;q=0.9", "gzip br identity"},
		{"GZIP, X-Gzip, Br;Q=0.5", "gzip br identity"},
		{"br;q=0, gzip", "gzip identity"},
		{"br;q=0.000, *", "zstd gzip identity"},
		{"gzip;q=0.5, *;q=0.8", "br zstd identity gzip"},
		{"identity", "identity"},
		{"identity, gzip;q=0.5", "identity gzip"},
		{"identity, gzip", "gzip identity"},
		{"gzip;q=0.001, identity;q=0.002", "identity gzip"},
		{"gzip, identity;q=0", "gzip"},
		{"gzip, *;q=0", "gzip"},
		{"gzip, *;q=0, identity;q=0.1", "gzip identity"},
		{"identity;q=0", ""},
		{"*;q=0", ""},
		{"deflate", "identity"},
		{" \t,, gzip ,\t", "gzip identity"},
		{"gzip ; q=1", "gzip identity"},
		// What is malformed does not count.
		{"gzip;q=2, br;q=0.1234, zstd;q=.5", "identity"},
		{"gzip;q=, br;q, zstd;v=1", "identity"},
		{"gzip;q=1.0;x=1", "identity"},
		{"gzip;q = 1", "identity"},
		// Of a name that comes twice a refusal wins, else the greater weight.
		{"gzip, gzip;q=0", "identity"},
		{"x-gzip;q=0, gzip", "identity"},
		{"br;q=0.1, gzip;q=0.5, br", "br gzip identity"},
	} {
		require.Equal(t, v.want, written(c.Preference(v.field)), "%q", v.field)
	}
	require.Equal(t, "gzip identity", written(newCoder(t, func(p *coding.Policy) {
		p.Codings = []coding.Coding{coding.Gzip}
	}).Preference("br, gzip, zstd")), "only what is made")
	require.Equal(t, "gzip br identity", written(newCoder(t, func(p *coding.Policy) {
		p.Codings = []coding.Coding{coding.Gzip, coding.Brotli}
	}).Preference("br, gzip")), "the policy's order decides")
	none := c.Preference("identity;q=0")
	require.Equal(t, coding.Identity, none.Best(), "better than an error")
	require.False(t, none.Accepts(coding.Identity))
}

func FuzzPreference(f *testing.F) {
	for _, seed := range []string{
		"gzip, deflate, br, zstd", "gzip;q=1.0, identity; q=0.5, *;q=0", "*", "x-gzip;q=0,gzip", "br;q=0.5,*;q=0.1,identity;q=0", "\x00,;q=", "gzip;q=0.0001",
	} {
		f.Add(seed)
	}
	c, err := coding.New(coding.DefaultPolicy())
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, field string) {
		p := c.Preference(field)
		seen := map[coding.Coding]bool{}
		for i := range p.Len() {
			require.False(t, seen[p.At(i)], "%q: %s twice", field, p.At(i))
			seen[p.At(i)] = true
		}
		// What variants are told apart by accepts the same codings.
		normal := strings.Split(string(cachekey.NormalizeField(nil, "Accept-Encoding", field)), ",")
		for _, of := range coding.All() {
			require.Equal(t, p.Accepts(of), contains(normal, of.String()), "%q: %s", field, of)
		}
		require.Equal(t, p, c.Preference(field), "read again")
		require.Zero(t, testing.AllocsPerRun(1, func() { c.Preference(field) }))
	})
}

func contains(list []string, s string) bool {
	for _, o := range list {
		if o == s {
			return true
		}
	}
	return false
}

// Neither what has been read before nor, once the table is full, what is new.
func TestPreferenceAllocatesNothing(t *testing.T) {
	c := newCoder(t)
	known := "gzip;q=1.0, deflate, br;q=0.5, zstd, *;q=0.1"
	require.Zero(t, testing.AllocsPerRun(100, func() { c.Preference(known) }))
	fields := make([]string, 1000)
	for i := range fields {
		fields[i] = fmt.Sprintf("gzip;q=0.%03d, x%d", i%999+1, i)
		require.Equal(t, "gzip identity", written(c.Preference(fields[i])))
	}
	i := 0
	require.Zero(t, testing.AllocsPerRun(500, func() { c.Preference(fields[400+i]); i++ }))
	require.Equal(t, "zstd gzip br identity", written(c.Preference(known)))
}

// The view of a request that the table has kept would change with the buffer.
func TestPreferenceKeepsNoView(t *testing.T) {
	c := newCoder(t)
	buf := []byte("gzip;q=0.5")
	c.Preference(unsafe.String(&buf[0], len(buf)))
	copy(buf, "zstd")
	require.Equal(t, "gzip identity", written(c.Preference("gzip;q=0.5")))
	require.Equal(t, "zstd identity", written(c.Preference("zstd;q=0.5")))
}

func BenchmarkPreference(b *testing.B) {
	c := newCoder(b)
	for name, field := range map[string]string{"browser": "gzip, deflate, br, zstd", "gzip": "gzip", "weights": "br;q=1.0, gzip;q=0.8, *;q=0.1"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n += int(c.Preference(field).Best())
			}
			if n == 0 {
				b.Fatal("nothing preferred")
			}
		})
	}
}
