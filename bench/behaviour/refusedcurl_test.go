package behaviour

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/bench/docsorigin"
)

// TestCurlGetsEarlyAnswers: curl shows the answer to a request that is refused before its
// content has come, however that comes. curl 7.88 loses an answer that a reset follows at once.
func TestCurlGetsEarlyAnswers(t *testing.T) {
	t.Parallel()
	path := program(t, "curl")
	n := edged.Node(t, NewDocs(t, docsorigin.Options{}).URL)
	large := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(large, make([]byte, 3<<20), 0o600))
	huge := filepath.Join(t.TempDir(), "huge")
	require.NoError(t, os.WriteFile(huge, make([]byte, 20<<20), 0o600))
	for name, c := range map[string]struct {
		status string
		args   []string
	}{
		"small":     {"404", []string{"-d", "abc"}},
		"large":     {"404", []string{"--data-binary", "@" + large}},
		"no length": {"404", []string{"-T", large, "-H", "Content-Length:"}},
		"expecting": {"404", []string{"-H", "Expect: 100-continue", "--data-binary", "@" + large}},
		"too large": {"413", []string{"--data-binary", "@" + huge}},
		"too long":  {"413", []string{"-d", "abc", "-H", "Content-Length: 99999999"}},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 20 {
				version := []string{"--http1.1", "--http2"}[i%2]
				args := append([]string{"-s", version, "--cacert", n.CA, "-o", os.DevNull, "-w", "%{http_code}"}, c.args...)
				said, ok := output(t, path, append(args, n.HTTPS+"/v1/segments/x")...)
				require.True(t, ok, said)
				require.Equal(t, c.status, said, fmt.Sprint(version, c.args))
			}
		})
	}
}
