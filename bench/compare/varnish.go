package compare

import "fmt"

// varnish keeps answers in memory. It has no TLS of its own.
var varnish = kind{
	name: "varnish", program: "varnishd", version: []string{"-V"},
	files: func(setup) map[string]string { return nil },
	args: func(s setup) []string {
		return []string{"-F", "-j", "none", "-n", s.dir + "/varnish", "-a", s.plain, "-b", s.origin, "-s", fmt.Sprintf("malloc,%d", s.bytes)}
	},
}
