package compare

import "fmt"

// nginx keeps answers in files; open_file_cache and sendfile are what its
// manual recommends for that.
var nginx = kind{
	name: "nginx", program: "nginx", version: []string{"-v"}, secure: true,
	files: func(s setup) map[string]string {
		return map[string]string{"nginx.conf": fmt.Sprintf(`daemon off;
user root;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  open_file_cache max=8000 inactive=1h;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  proxy_cache_path %[1]s/cache levels=1:2 keys_zone=c:512m max_size=%[2]d inactive=1h use_temp_path=off;
  upstream origin { server %[3]s; keepalive 64; }
  server {
    listen %[4]s;
    listen %[5]s ssl http2;
    ssl_certificate %[6]s;
    ssl_certificate_key %[6]s;
    http2_max_concurrent_streams 256;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache c;
      proxy_cache_lock on;
    }
  }
}
`, s.dir, s.bytes, s.origin, s.plain, s.tls, s.cert)}
	},
	// -e: before the configuration is read, errors would go to the system's log.
	args: func(s setup) []string {
		return []string{"-c", s.dir + "/nginx.conf", "-p", s.dir, "-e", s.dir + "/error.log"}
	},
}
