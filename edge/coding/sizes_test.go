package coding_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
	"github.com/letteros/letteredge/edge/coding"
)

// demoArtifacts are the bodies of all artifacts of the demo, the smallest first.
func demoArtifacts(tb testing.TB) [][]byte {
	o, err := docsorigin.New(docsorigin.Options{})
	require.NoError(tb, err)
	get := func(path string) []byte {
		w := httptest.NewRecorder()
		o.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		require.Equal(tb, 200, w.Code, path)
		body, err := io.ReadAll(w.Body)
		require.NoError(tb, err)
		return body
	}
	var index struct{ Artifacts []struct{ Path string } }
	require.NoError(tb, json.Unmarshal(get("/index.json"), &index))
	var bodies [][]byte
	for _, a := range index.Artifacts {
		bodies = append(bodies, get(a.Path))
	}
	slices.SortFunc(bodies, func(a, b []byte) int { return len(a) - len(b) })
	return bodies
}

// What the default policy codes of the demo shrinks by a third at least.
func TestDemoArtifactsAreWorthCoding(t *testing.T) {
	c := newCoder(t)
	n := 0
	for _, body := range demoArtifacts(t) {
		if !c.Codable("application/json", int64(len(body))) {
			continue
		}
		n++
		require.LessOrEqual(t, 3*len(encode(t, c, coding.Brotli, body)), 2*len(body), "%d bytes", len(body))
	}
	require.NotZero(t, n)
}

// BenchmarkEncode says what a coding costs once, and what it leaves to be sent.
func BenchmarkEncode(b *testing.B) {
	artifacts := demoArtifacts(b)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(b, err)
	bodies := [][]byte{artifacts[0], artifacts[len(artifacts)/2], artifacts[len(artifacts)-1], readme}
	c := newCoder(b)
	for _, body := range bodies {
		for _, of := range coding.All() {
			b.Run(fmt.Sprintf("%dB/%s", len(body), of), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				var coded []byte
				for b.Loop() {
					if coded, err = c.Encode(of, body); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(coded)), "coded-B")
			})
		}
	}
}
