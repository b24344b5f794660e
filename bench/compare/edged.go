package compare

import "fmt"

// edged is the node with its defaults: metrics and marks are on, no quota is set.
var edged = kind{
	name: "edged", program: "edged", secure: true, h3: true,
	files: func(s setup) map[string]string {
		return map[string]string{"edge.yaml": fmt.Sprintf(`listen: {http: %q, tls: %q, admin: %q}
tls: {cert: %q, key: %q}
state: {dir: %q}
cache: {max_bytes: %dB}
artifacts: {origin: origin}
origins: [{name: origin, url: "http://%s"}]
routes: [{name: all, origin: origin}]
`, s.plain, s.tls, s.admin, s.cert, s.cert, s.dir+"/state", s.bytes, s.origin)}
	},
	args: func(s setup) []string { return []string{"run", "--config", s.dir + "/edge.yaml"} },
}
