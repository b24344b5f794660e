package compare

import "fmt"

// trafficserver keeps answers in a file of at least 128 MiB and the busiest
// of them in memory; it is given memory for all that fits the file.
var trafficserver = kind{
	name: "trafficserver", program: "traffic_server", version: []string{"-V"}, secure: true,
	files: func(s setup) map[string]string {
		return map[string]string{
			"runroot.yaml": fmt.Sprintf(`prefix: /usr
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: %[1]s
datadir: %[1]s/data
includedir: /usr/include
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: %[1]s/var
runtimedir: %[1]s/run
logdir: %[1]s/log
cachedir: %[1]s/cache
`, s.dir),
			"records.config": fmt.Sprintf(`CONFIG proxy.config.http.server_ports STRING %[1]s:ip-in=127.0.0.1 %[2]s:ip-in=127.0.0.1:ssl
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.diags.output.note STRING E
CONFIG proxy.config.cache.ram_cache.size INT %[3]d
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 3600
CONFIG proxy.config.http2.max_concurrent_streams_in INT 256
CONFIG proxy.config.ssl.server.cert.path STRING %[4]s
CONFIG proxy.config.ssl.server.private_key.path STRING %[4]s
`, portOf(s.plain), portOf(s.tls), s.bytes, s.dir),
			"remap.config":         fmt.Sprintf("map / http://%s/\n", s.origin),
			"storage.config":       fmt.Sprintf("%s/cache %d\n", s.dir, max(s.bytes, 256*mib)),
			"ssl_multicert.config": "dest_ip=* ssl_cert_name=server.pem ssl_key_name=server.pem\n",
			"ip_allow.yaml":        "ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n    methods: ALL\n",
			"cache/.keep":          "",
			"run/.keep":            "",
			"log/.keep":            "",
			"var/.keep":            "",
			"data/.keep":           "",
		}
	},
	args: func(s setup) []string { return []string{"--run-root=" + s.dir + "/runroot.yaml"} },
}
