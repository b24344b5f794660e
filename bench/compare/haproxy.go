package compare

import "fmt"

// haproxy keeps answers in shared memory, sized in MiB, at most 4095.
var haproxy = kind{
	name: "haproxy", program: "haproxy", version: []string{"-v"}, secure: true,
	files: func(s setup) map[string]string {
		return map[string]string{"haproxy.cfg": fmt.Sprintf(`global
  maxconn 8000
  tune.h2.max-concurrent-streams 256
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1m
cache c
  total-max-size %d
  max-object-size 1000000
  max-age 86400
frontend readers
  bind %s
  bind %s ssl crt %s alpn h2,http/1.1
  http-request cache-use c
  http-response cache-store c
  default_backend origin
backend origin
  server origin %s
`, min(max(s.bytes/mib, 1), 4095), s.plain, s.tls, s.cert, s.origin)}
	},
	args: func(s setup) []string { return []string{"-db", "-f", s.dir + "/haproxy.cfg"} },
}
