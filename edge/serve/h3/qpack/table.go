package qpack

// staticTable is the static table (RFC 9204, Appendix A), with the names as the
// core spells them beside those of the wire.
var staticTable = [...]struct{ name, canonical, value string }{
	{":authority", ":authority", ""},
	{":path", ":path", "/"},
	{"age", "Age", "0"},
	{"content-disposition", "Content-Disposition", ""},
	{"content-length", "Content-Length", "0"},
	{"cookie", "Cookie", ""},
	{"date", "Date", ""},
	{"etag", "Etag", ""},
	{"if-modified-since", "If-Modified-Since", ""},
	{"if-none-match", "If-None-Match", ""},
	{"last-modified", "Last-Modified", ""},
	{"link", "Link", ""},
	{"location", "Location", ""},
	{"referer", "Referer", ""},
	{"set-cookie", "Set-Cookie", ""},
	{":method", ":method", "CONNECT"},
	{":method", ":method", "DELETE"},
	{":method", ":method", "GET"},
	{":method", ":method", "HEAD"},
	{":method", ":method", "OPTIONS"},
	{":method", ":method", "POST"},
	{":method", ":method", "PUT"},
	{":scheme", ":scheme", "http"},
	{":scheme", ":scheme", "https"},
	{":status", ":status", "103"},
	{":status", ":status", "200"},
	{":status", ":status", "304"},
	{":status", ":status", "404"},
	{":status", ":status", "503"},
	{"accept", "Accept", "*/*"},
	{"accept", "Accept", "application/dns-message"},
	{"accept-encoding", "Accept-Encoding", "gzip, deflate, br"},
	{"accept-ranges", "Accept-Ranges", "bytes"},
	{"access-control-allow-headers", "Access-Control-Allow-Headers", "cache-control"},
	{"access-control-allow-headers", "Access-Control-Allow-Headers", "content-type"},
	{"access-control-allow-origin", "Access-Control-Allow-Origin", "*"},
	{"cache-control", "Cache-Control", "max-age=0"},
	{"cache-control", "Cache-Control", "max-age=2592000"},
	{"cache-control", "Cache-Control", "max-age=604800"},
	{"cache-control", "Cache-Control", "no-cache"},
	{"cache-control", "Cache-Control", "no-store"},
	{"cache-control", "Cache-Control", "public, max-age=31536000"},
	{"content-encoding", "Content-Encoding", "br"},
	{"content-encoding", "Content-Encoding", "gzip"},
	{"content-type", "Content-Type", "application/dns-message"},
	{"content-type", "Content-Type", "application/javascript"},
	{"content-type", "Content-Type", "application/json"},
	{"content-type", "Content-Type", "application/x-www-form-urlencoded"},
	{"content-type", "Content-Type", "image/gif"},
	{"content-type", "Content-Type", "image/jpeg"},
	{"content-type", "Content-Type", "image/png"},
	{"content-type", "Content-Type", "text/css"},
	{"content-type", "Content-Type", "text/html; charset=utf-8"},
	{"content-type", "Content-Type", "text/plain"},
	{"content-type", "Content-Type", "text/plain;charset=utf-8"},
	{"range", "Range", "bytes=0-"},
	{"strict-transport-security", "Strict-Transport-Security", "max-age=31536000"},
	{"strict-transport-security", "Strict-Transport-Security", "max-age=31536000; includesubdomains"},
	{"strict-transport-security", "Strict-Transport-Security", "max-age=31536000; includesubdomains; preload"},
	{"vary", "Vary", "accept-encoding"},
	{"vary", "Vary", "origin"},
	{"x-content-type-options", "X-Content-Type-Options", "nosniff"},
	{"x-xss-protection", "X-Xss-Protection", "1; mode=block"},
	{":status", ":status", "100"},
	{":status", ":status", "204"},
	{":status", ":status", "206"},
	{":status", ":status", "302"},
	{":status", ":status", "400"},
	{":status", ":status", "403"},
	{":status", ":status", "421"},
	{":status", ":status", "425"},
	{":status", ":status", "500"},
	{"accept-language", "Accept-Language", ""},
	{"access-control-allow-credentials", "Access-Control-Allow-Credentials", "FALSE"},
	{"access-control-allow-credentials", "Access-Control-Allow-Credentials", "TRUE"},
	{"access-control-allow-headers", "Access-Control-Allow-Headers", "*"},
	{"access-control-allow-methods", "Access-Control-Allow-Methods", "get"},
	{"access-control-allow-methods", "Access-Control-Allow-Methods", "get, post, options"},
	{"access-control-allow-methods", "Access-Control-Allow-Methods", "options"},
	{"access-control-expose-headers", "Access-Control-Expose-Headers", "content-length"},
	{"access-control-request-headers", "Access-Control-Request-Headers", "content-type"},
	{"access-control-request-method", "Access-Control-Request-Method", "get"},
	{"access-control-request-method", "Access-Control-Request-Method", "post"},
	{"alt-svc", "Alt-Svc", "clear"},
	{"authorization", "Authorization", ""},
	{"content-security-policy", "Content-Security-Policy", "script-src 'none'; object-src 'none'; base-uri 'none'"},
	{"early-data", "Early-Data", "1"},
	{"expect-ct", "Expect-Ct", ""},
	{"forwarded", "Forwarded", ""},
	{"if-range", "If-Range", ""},
	{"origin", "Origin", ""},
	{"purpose", "Purpose", "prefetch"},
	{"server", "Server", ""},
	{"timing-allow-origin", "Timing-Allow-Origin", "*"},
	{"upgrade-insecure-requests", "Upgrade-Insecure-Requests", "1"},
	{"user-agent", "User-Agent", ""},
	{"x-forwarded-for", "X-Forwarded-For", ""},
	{"x-frame-options", "X-Frame-Options", "deny"},
	{"x-frame-options", "X-Frame-Options", "sameorigin"},
}

// nameIndex is where a canonical name first stands in the static table, -1 if it
// does not. A switch, because it is asked for each line that is made for one answer.
func nameIndex(canonical string) int {
	switch canonical {
	case "Age":
		return 2
	case "Content-Disposition":
		return 3
	case "Content-Length":
		return 4
	case "Cookie":
		return 5
	case "Date":
		return 6
	case "Etag":
		return 7
	case "If-Modified-Since":
		return 8
	case "If-None-Match":
		return 9
	case "Last-Modified":
		return 10
	case "Link":
		return 11
	case "Location":
		return 12
	case "Referer":
		return 13
	case "Set-Cookie":
		return 14
	case "Accept":
		return 29
	case "Accept-Encoding":
		return 31
	case "Accept-Ranges":
		return 32
	case "Access-Control-Allow-Headers":
		return 33
	case "Access-Control-Allow-Origin":
		return 35
	case "Cache-Control":
		return 36
	case "Content-Encoding":
		return 42
	case "Content-Type":
		return 44
	case "Range":
		return 55
	case "Strict-Transport-Security":
		return 56
	case "Vary":
		return 59
	case "X-Content-Type-Options":
		return 61
	case "X-Xss-Protection":
		return 62
	case "Accept-Language":
		return 72
	case "Access-Control-Allow-Credentials":
		return 73
	case "Access-Control-Allow-Methods":
		return 76
	case "Access-Control-Expose-Headers":
		return 79
	case "Access-Control-Request-Headers":
		return 80
	case "Access-Control-Request-Method":
		return 81
	case "Alt-Svc":
		return 83
	case "Authorization":
		return 84
	case "Content-Security-Policy":
		return 85
	case "Early-Data":
		return 86
	case "Expect-Ct":
		return 87
	case "Forwarded":
		return 88
	case "If-Range":
		return 89
	case "Origin":
		return 90
	case "Purpose":
		return 91
	case "Server":
		return 92
	case "Timing-Allow-Origin":
		return 93
	case "Upgrade-Insecure-Requests":
		return 94
	case "User-Agent":
		return 95
	case "X-Forwarded-For":
		return 96
	case "X-Frame-Options":
		return 97
	}
	return -1
}

// lineIndex is the place of a whole line in the static table, whose names are
// mostly together; -1 if it is not there.
func lineIndex(canonical, value string) int {
	from := nameIndex(canonical)
	if from < 0 {
		return -1
	}
	for i := from; i < len(staticTable); i++ {
		if staticTable[i].value == value && staticTable[i].canonical == canonical {
			return i
		}
	}
	return -1
}
