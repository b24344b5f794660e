package compare

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
)

// edged is the node with its defaults: metrics and marks are on, and each request is
// taken from a quota that is never spent.
var edged = kind{
	name: "edged", program: "edged", secure: true, h3: true,
	files: func(s setup) map[string]string {
		return map[string]string{"edge.yaml": fmt.Sprintf(`listen: {http: %q, tls: %q, admin: %q}
tls: {cert: %q, key: %q}
state: {dir: %q}
cache: {max_bytes: %dB}
artifacts: {origin: origin}
origins: [{name: origin, url: "http://%s"}]
routes: [{name: all, origin: origin, segment: compared}]
tokens: [{name: edgebench, hash: "sha256:%x", scopes: [admin]}]
`, s.plain, s.tls, s.admin, s.cert, s.cert, s.dir+"/state", s.bytes, s.origin, sha256.Sum256([]byte(s.token)))}
	},
	args: func(s setup) []string { return []string{"run", "--config", s.dir + "/edge.yaml"} },
	ready: func(ctx context.Context, s setup) error {
		c, err := client.New(s.admin, s.token, &http.Transport{DisableKeepAlives: true})
		if err != nil {
			return fmt.Errorf("set a quota: %w", err)
		}
		// Never spent, and decided and told of at each request.
		if _, _, err := c.PutQuota(ctx, "compared", adminapi.QuotaSpec{RPS: 10_000_000, Burst: 10_000_000, Scope: "node"}, ""); err != nil {
			return fmt.Errorf("set a quota: %w", err)
		}
		return nil
	},
}
