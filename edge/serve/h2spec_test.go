package serve

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// TestH2Spec has h2spec, a suite of others, look at the lean server.
func TestH2Spec(t *testing.T) {
	program, err := exec.LookPath("h2spec")
	if err != nil {
		if os.Getenv("LETTEREDGE_REQUIRE_ALL") != "" {
			require.NoError(t, err)
		}
		t.Skip("h2spec is not installed: go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible")
	}
	answer := coreFunc(func(_ context.Context, x *edge.Exchange) {
		if x.Req.Body != nil {
			_, _ = io.Copy(io.Discard, x.Req.Body) // an answer that is earlier than the content is no fault
		}
		x.Rep.Status, x.Rep.Body = 200, []byte(strings.Repeat("content ", 64))
		x.Rep.Length = int64(len(x.Rep.Body))
	})
	for name, core := range map[string]Core{"finished elsewhere": answer, "answered at once": atOnce{answer}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, core, func(c *Config) { c.H2 = Lean })
			cmd := exec.CommandContext(t.Context(), program, "-t", "-k", "-S", "-h", "127.0.0.1",
				"-p", fmt.Sprint(r.Addrs().Secure.Port()))
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), " 0 failed", "%s", out)
			require.Contains(t, string(out), " 0 skipped", "%s", out)
			t.Log(lastLine(out))
		})
	}
}

// atOnce is a core that answers all without waiting.
type atOnce struct{ coreFunc }

func (c atOnce) Begin(x *edge.Exchange) bool {
	c.coreFunc(context.Background(), x)
	return true
}

// lastLine is how many tests there were.
func lastLine(out []byte) string {
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	return all[len(all)-1]
}
