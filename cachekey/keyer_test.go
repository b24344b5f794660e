package cachekey

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func testKeyer(t testing.TB) *Keyer {
	t.Helper()
	k, err := NewKeyer([]Pattern{
		{Host: "shop.example", Path: "/search", Query: QueryRule{Names: []string{"q", "page"}}},
		{Host: "shop.example", Path: "/strict", Query: QueryRule{Names: []string{"q"}, Others: Refuse}},
		{Host: "shop.example", Path: "/plain/*"},
		{Host: "*.img.example", Path: "/img/*"},
		{Host: "port.example:8080"},
		{Host: "gone.example", Path: "/only"},
		{Host: "example.com", Query: QueryRule{Names: []string{"*"}}},
		{Host: "[2001:db8::1]", Query: QueryRule{Names: []string{"*"}}},
		{Host: "v1", Query: QueryRule{Names: []string{"*"}}},
	})
	require.NoError(t, err)
	return k
}

// answer is the text of a request's key, or "status field".
func answer(k *Keyer, in Input) string {
	var s Scratch
	key, err := k.Key(in, &s)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return "no *Error: " + err.Error()
		}
		return fmt.Sprint(e.Status, " ", e.Field)
	}
	return key.Text
}

func TestKeyOfOddTargets(t *testing.T) {
	k := testKeyer(t)
	long := strings.Repeat("a", 65)
	for _, c := range []struct{ target, want string }{
		// Artifacts.
		{"/v1/segments/b2b/ctas/trial", "/v1/segments/b2b/ctas/trial"},
		{"/v1/segments/b2b/ctas/trial/summary", "/v1/segments/b2b/ctas/trial/summary"},
		{"/v1/segments/b2b/ctas/trial/proofs/p1", "/v1/segments/b2b/ctas/trial/proofs/p1"},
		{"/v1/segments/b2b/campaigns/spring", "/v1/segments/b2b/campaigns/spring"},
		{"/v1/segments/%62%32%62/ctas/tri%61l", "/v1/segments/b2b/ctas/trial"},
		{"/v1/s%65gments/b2b/ctas/trial", "/v1/segments/b2b/ctas/trial"},
		{"/v1/segments/b2b/ctas/a%5Fb%2dc", "/v1/segments/b2b/ctas/a_b-c"},
		{"http://example.com/v1/segments/b2b/ctas/trial", "/v1/segments/b2b/ctas/trial"},
		// Ids.
		{"/v1/segments/B2B/ctas/trial", "400 segment"},
		{"/v1/segments/b2b/ctas/Trial", "400 cta"},
		{"/v1/segments/b2b/ctas/1trial", "400 cta"},
		{"/v1/segments/b2b/ctas/tri%20al", "400 cta"},
		{"/v1/segments/b2b/ctas/tri.al", "400 cta"},
		{"/v1/segments/b2b/ctas/trial;v=1", "400 cta"},
		{"/v1/segments/_default/ctas/trial", "400 segment"},
		{"/v1/segments/b2b/ctas/" + long[:64], "/v1/segments/b2b/ctas/" + long[:64]},
		{"/v1/segments/b2b/ctas/" + long, "400 cta"},
		{"/v1/segments/" + long + "/ctas/x", "400 segment"},
		{"/v1/segments/b2b/ctas/t/proofs/" + long, "400 proof"},
		{"/v1/segments/b2b/ctas/t/proofs/P", "400 proof"},
		{"/v1/segments/b2b/campaigns/Spring", "400 campaign"},
		// Empty ids, unknown shapes.
		{"/v1/segments/", "400 segment"},
		{"/v1/segments/b2b/ctas/", "400 cta"},
		{"/v1/segments/b2b/ctas/trial/proofs/", "400 proof"},
		{"/v1/segments/b2b/campaigns/", "400 campaign"},
		{"/v1/segments/b2b", "404 path"},
		{"/v1/segments/b2b/", "404 path"},
		{"/v1/segments/b2b/ctas", "404 path"},
		{"/v1/segments/b2b/campaigns", "404 path"},
		{"/v1/segments/b2b/ctas/trial/", "404 path"},
		{"/v1/segments/b2b/ctas/trial/proofs", "404 path"},
		{"/v1/segments/b2b/ctas/trial/Summary", "404 path"},
		{"/v1/segments/b2b/ctas/trial/summary/", "404 path"},
		{"/v1/segments/b2b/ctas/trial/proofs/p1/x", "404 path"},
		{"/v1/segments/b2b/campaigns/spring/x", "404 path"},
		{"/v1/segments/b2b/CTAS/trial", "404 path"},
		{"/v1/segments/b2b/rules/trial", "404 path"},
		// Slashes and dots where an artifact is meant.
		{"/v1/segments//ctas/trial", "400 path"},
		{"/v1/segments/b2b//ctas/trial", "400 path"},
		{"/v1/segments/b2b%2Fctas/trial", "400 path"},
		{"/v1/segments/b2b%5cctas/trial", "400 path"},
		{"/v1/segments/b2c/../b2b/ctas/trial", "400 path"},
		{"/v1/segments/b2c/%2e%2E/b2b/ctas/trial", "400 path"},
		{"/v1/segments/./b2b/ctas/trial", "400 path"},
		{"/v1/segments/..", "400 path"},
		{"/v1/segments/b2b/ctas/trial/.", "400 path"},
		{"/v1/segments/../../x", "400 path"},
		{"/x/../v1/segments/b2b/ctas/trial", "400 path"},
		{"/v1/./segments/b2b/ctas/trial", "400 path"},
		{"/x/%2e%2e/v1/segments/b2b/ctas/trial", "400 path"},
		{"//v1/segments/b2b/ctas/trial", "400 path"},
		{"/v1//segments/b2b/ctas/trial", "400 path"},
		{"/v1%2fsegments/b2b/ctas/trial", "400 path"},
		{"/v1/segments%2Fb2b/ctas/trial", "400 path"},
		{"/%2Fv1/segments/b2b/ctas/trial", "400 path"},
		{"/%5cv1/segments/b2b/ctas/trial", "400 path"},
		{"/x//../v1/segments/b2b/ctas/trial", "400 path"},
		{"/v1//../segments/b2b/ctas/trial", "400 path"},
		{"/v1//..//segments/b2b/ctas/trial", "400 path"},
		{"/x%2f..%2fv1/segments/b2b/ctas/trial", "400 path"},
		// Not below the root of artifacts, by any reader.
		{"/v1/segments", "example.com/v1/segments"},
		{"/V1/segments/b2b/ctas/trial", "example.com/V1/segments/b2b/ctas/trial"},
		{"/v1/segmentsx/b2b", "example.com/v1/segmentsx/b2b"},
		{"/v1/%53egments/b2b", "example.com/v1/Segments/b2b"},
		{"/x/v1/segments/b2b/ctas/trial", "example.com/x/v1/segments/b2b/ctas/trial"},
		{"/v1/%2573egments/b2b", "example.com/v1/%2573egments/b2b"},
		// The language.
		{"/v1/segments/b2b/ctas/trial?", "/v1/segments/b2b/ctas/trial"},
		{"/v1/segments/b2b/ctas/trial?lang=ja", "/v1/segments/b2b/ctas/trial?lang=ja"},
		{"/v1/segments/b2b/ctas/trial?lang=zh-Hant-TW", "/v1/segments/b2b/ctas/trial?lang=zh-hant-tw"},
		{"/v1/segments/b2b/ctas/trial?%6Cang=%6aa", "/v1/segments/b2b/ctas/trial?lang=ja"},
		{"/v1/segments/b2b/ctas/trial?utm=x&lang=ja&lan=1&langs=2&&=3", "/v1/segments/b2b/ctas/trial?lang=ja"},
		{"/v1/segments/b2b/ctas/trial?LANG=ja", "/v1/segments/b2b/ctas/trial"},
		{"/v1/segments/b2b/ctas/trial?lang=ja&lang=ja", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=ja&utm=1&lang=en", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=&lang=ja", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=ja_JP", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=ja--jp", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=ja-", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=-ja", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=1a", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=*", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=ja=en", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=ninechars", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?lang=" + strings.Repeat("ab-", 11) + "ab", "/v1/segments/b2b/ctas/trial?lang=" + strings.Repeat("ab-", 11) + "ab"},
		{"/v1/segments/b2b/ctas/trial?lang=" + strings.Repeat("ab-", 11) + "abc", "400 lang"},
		{"/v1/segments/b2b/ctas/trial?x=%zz", "400 query"},
		{"/v1/segments/b2b/ctas/trial?lang=ja%", "400 query"},
		// General paths.
		{"/", "example.com/"},
		{"/a%2fb%3f", "example.com/a%2Fb%3F"},
		{"/%7Euser/%41", "example.com/~user/A"},
		{"/a/./b/../c", "example.com/a/c"},
		{"/a/%2e%2e/b", "example.com/b"},
		{"/..", "example.com/"},
		{"/../../a", "example.com/a"},
		{"/a/..", "example.com/"},
		{"/a/.", "example.com/a/"},
		{"/a/b/..", "example.com/a/"},
		{"/a//b", "example.com/a//b"},
		{"/a//../b", "example.com/a/b"},
		{"/a/.../b", "example.com/a/.../b"},
		{"/.well-known/x", "example.com/.well-known/x"},
		{"/a/.b/..c", "example.com/a/.b/..c"},
		{"//other.example/a", "example.com//other.example/a"},
		{"/a[1]|{2}", "example.com/a[1]|{2}"},
		{"/A", "example.com/A"},
		// A whole query.
		{"/a?", "example.com/a"},
		{"/a?b=1&a=2&b=%7e&&c", "example.com/a?b=1&a=2&b=%7e&&c"},
		{"/a?b?c", "example.com/a?b?c"},
		{"/a?x[]=1|2\\", "example.com/a?x[]=1|2\\"},
		{"/a?b=%4", "400 query"},
		{"/a?b=%zz", "400 query"},
		{"/a?b c", "400 query"},
		{"/a?b=é", "400 query"},
		{"/a?b#c", "400 query"},
		// Refused.
		{"/a#b", "400 path"},
		{"/a%", "400 path"},
		{"/a%2", "400 path"},
		{"/a%g0", "400 path"},
		{"/a b", "400 path"},
		{"/a\tb", "400 path"},
		{"/a\x00", "400 path"},
		{"/a\r\nX: y", "400 path"},
		{"/a\x7f", "400 path"},
		{"/é", "400 path"},
		{"/\xff", "400 path"},
		{`/a\b`, "400 path"},
		{`/"a"`, "400 path"},
		{"/<a>", "400 path"},
		{"", "400 target"},
		{"a", "400 target"},
		{"?a", "400 target"},
		{"*", "400 target"},
		{"example.com:80", "400 target"},
		{"ftp://example.com/", "400 target"},
		{"/" + strings.Repeat("a", MaxTarget-1), "example.com/" + strings.Repeat("a", MaxTarget-1)},
		{"/" + strings.Repeat("a", MaxTarget), "414 target"},
		// The absolute form.
		{"http://example.com/a?b", "example.com/a?b"},
		{"HTTPS://EXAMPLE.com.:443/a", "example.com/a"},
		{"http://example.com", "example.com/"},
		{"http://example.com?a", "example.com/?a"},
		{"http://evil.example/a", "400 target"},
		{"http://example.com:8080/a", "400 target"},
		{"http://user@example.com/a", "400 target"},
		{"http:///a", "400 target"},
		{"http://example.com#a", "400 path"},
	} {
		t.Run(c.target[:min(len(c.target), 60)], func(t *testing.T) {
			require.Equal(t, c.want, answer(k, Input{"GET", "example.com", c.target}))
			require.Equal(t, c.want, answer(k, Input{"HEAD", "example.com", c.target}))
		})
	}
}

func TestKeyOfOddHosts(t *testing.T) {
	k, err := NewKeyer([]Pattern{{}})
	require.NoError(t, err)
	label := strings.Repeat("a", 63)
	name := strings.Join([]string{label, label, label, label[:61]}, ".")
	for _, c := range []struct{ host, want string }{
		{"Example.COM", "example.com/"},
		{"example.com.", "example.com/"},
		{"example.com:80", "example.com/"},
		{"example.com:443", "example.com/"},
		{"example.com.:443", "example.com/"},
		{"example.com:", "example.com/"},
		{"example.com:0080", "example.com/"},
		{"example.com:8080", "example.com:8080/"},
		{"example.com:08080", "example.com:8080/"},
		{"localhost:65535", "localhost:65535/"},
		{"127.0.0.1:8080", "127.0.0.1:8080/"},
		{"my_host-1", "my_host-1/"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example/"},
		{"[::1]", "[::1]/"},
		{"[::1]:8080", "[::1]:8080/"},
		{"[::1]:80", "[::1]/"},
		{"[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]/"},
		{"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]/"},
		{name, name + "/"},
		{name + ".:65535", name + ":65535/"},
		{"", "400 host"},
		{".", "400 host"},
		{":80", "400 host"},
		{"a..b", "400 host"},
		{".a", "400 host"},
		{"a..", "400 host"},
		{"user@example.com", "400 host"},
		{"user:pw@example.com", "400 host"},
		{"example.com:0", "400 host"},
		{"example.com:65536", "400 host"},
		{"example.com:080808", "400 host"},
		{"example.com:8a", "400 host"},
		{"example.com:-1", "400 host"},
		{"example.com:80:80", "400 host"},
		{"example.com/", "400 host"},
		{"example.com,b", "400 host"},
		{"exam ple.com", "400 host"},
		{"example.com\x00", "400 host"},
		{"bücher.example", "400 host"},
		{"%65xample.com", "400 host"},
		{"*.example.com", "400 host"},
		{"::1", "400 host"},
		{"[::1", "400 host"},
		{"[::1]x", "400 host"},
		{"[::1]:x", "400 host"},
		{"[fe80::1%25eth0]", "400 host"},
		{"[127.0.0.1]", "400 host"},
		{"[]", "400 host"},
		{label + "a.example", "400 host"},
		{name + "a", "400 host"},
		{strings.Repeat("a", 10_000), "400 host"},
	} {
		t.Run(c.host[:min(len(c.host), 40)], func(t *testing.T) {
			require.Equal(t, c.want, answer(k, Input{"GET", c.host, "/"}))
		})
	}
}

func TestKeyOfMethods(t *testing.T) {
	k := testKeyer(t)
	for _, c := range []struct{ method, target, want string }{
		{"GET", "/a", "example.com/a"},
		{"HEAD", "/a", "example.com/a"},
		{"POST", "/a", "POST example.com/a"},
		{"get", "/a", "get example.com/a"},
		{"OPTIONS", "*", "OPTIONS example.com*"},
		{"OPTIONS", "http://example.com", "OPTIONS example.com*"},
		{"OPTIONS", "/a", "OPTIONS example.com/a"},
		{"POST", "*", "400 target"},
		{"PURGE", "/a", "PURGE example.com/a"},
		{"CONNECT", "example.com:443", "405 method"},
		{"", "/a", "400 method"},
		{"GE T", "/a", "400 method"},
		{"GET/", "/a", "400 method"},
		{"G\x00T", "/a", "400 method"},
		{strings.Repeat("A", 33), "/a", "400 method"},
		{"POST", "/v1/segments/b2b/ctas/trial", "405 method"},
		{"OPTIONS", "/v1/segments/b2b/ctas/trial", "405 method"},
		{"POST", "/v1/segments/b2b/nothing/trial", "404 path"},
	} {
		require.Equal(t, c.want, answer(k, Input{c.method, "example.com", c.target}), "%s %s", c.method, c.target)
	}
}

func TestKeyByRoute(t *testing.T) {
	k := testKeyer(t)
	for _, c := range []struct {
		host, target, want string
		route              int
	}{
		{"shop.example", "/search?page=2&utm=x&q=b&q=a", "shop.example/search?page=2&q=b&q=a", 0},
		{"shop.example", "/search?q=b&page=2&q=a", "shop.example/search?page=2&q=b&q=a", 0},
		{"shop.example", "/search?%71=%7e%2f&Q=1", "shop.example/search?q=~%2F", 0},
		{"shop.example", "/search?q", "shop.example/search?q", 0},
		{"shop.example", "/search?q=", "shop.example/search?q=", 0},
		{"shop.example", "/search?utm=1&&=x", "shop.example/search", 0},
		{"shop.example", "/search?q=1;page=2", "shop.example/search?q=1;page=2", 0},
		{"shop.example", "/search?q=a+b", "shop.example/search?q=a+b", 0},
		{"shop.example:8443", "/search", "shop.example:8443/search", 0},
		{"shop.example", "/strict?q=1", "shop.example/strict?q=1", 1},
		{"shop.example", "/strict?q=1&", "shop.example/strict?q=1", 1},
		{"shop.example", "/strict?q=1&utm=2", "400 query", 1},
		{"shop.example", "/strict?=2", "400 query", 1},
		{"shop.example", "/plain/x?q=1", "shop.example/plain/x", 2},
		{"shop.example", "/plain/", "shop.example/plain/", 2},
		{"shop.example", "/plain", "404 path", 2},
		{"shop.example", "/plain/../elsewhere", "404 path", 2},
		{"a.img.example", "/img/1.png", "a.img.example/img/1.png", 3},
		{"a.b.img.example:81", "/img/1.png", "a.b.img.example:81/img/1.png", 3},
		{"img.example", "/img/1.png", "404 path", 3},
		{"ximg.example", "/img/1.png", "404 path", 3},
		{"port.example:8080", "/x", "port.example:8080/x", 4},
		{"port.example", "/x", "404 path", 4},
		{"[2001:db8::1]:99", "/x", "[2001:db8::1]:99/x", 7},
		{"nowhere.example", "/x", "404 path", 0},
		// The host is one of its own, whatever it is called.
		{"v1", "/segmentsx/b2b", "v1/segmentsx/b2b", 8},
	} {
		require.Equal(t, c.want, answer(k, Input{"GET", c.host, c.target}), "%s%s", c.host, c.target)
		var s Scratch
		if key, err := k.Key(Input{"GET", c.host, c.target}, &s); err == nil {
			require.Equal(t, c.route, key.Route, "%s%s", c.host, c.target)
		}
	}
}

func TestTooManyParameters(t *testing.T) {
	k := testKeyer(t)
	q := func(n int) Input {
		return Input{"GET", "shop.example", "/search?" + strings.Repeat("q=1&", n)}
	}
	require.Equal(t, "shop.example/search?"+strings.TrimSuffix(strings.Repeat("q=1&", 64), "&"), answer(k, q(64)))
	require.Equal(t, "400 query", answer(k, q(65)))
}

func TestNoRoute(t *testing.T) {
	k := testKeyer(t)
	var s Scratch
	for _, target := range []string{"/x", "/v1/segments/b2b/nothing/x"} {
		_, err := k.Key(Input{"GET", "nowhere.example", target}, &s)
		require.ErrorIs(t, err, ErrNoRoute)
	}
	_, err := k.Key(Input{"GET", "nowhere.example", "/v1/segments/B/ctas/x"}, &s)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNoRoute)
}

func TestBadPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern Pattern
		says    string
	}{
		{Pattern{Path: "x"}, "routes[0]: path"},
		{Pattern{Path: "/a*"}, "routes[0]: path"},
		{Pattern{Path: "*"}, "routes[0]: path"},
		{Pattern{Path: "/a/*/b"}, "routes[0]: path"},
		{Pattern{Path: "/a?b"}, "routes[0]: path"},
		{Pattern{Path: "/a/../b"}, "dot segments"},
		{Pattern{Path: "/%zz"}, "routes[0]: path"},
		{Pattern{Path: "/v1/segments/*"}, "artifact routes"},
		{Pattern{Path: "/v1/segments/b2b"}, "artifact routes"},
		{Pattern{Host: "*"}, "leave it empty"},
		{Pattern{Host: "*."}, "routes[0]: host"},
		{Pattern{Host: "a/b"}, "routes[0]: host"},
		{Pattern{Query: QueryRule{Names: []string{"a", "*"}}}, "alone"},
		{Pattern{Query: QueryRule{Names: []string{""}}}, "empty"},
		{Pattern{Query: QueryRule{Names: []string{"a", "%61"}}}, "twice"},
		{Pattern{Query: QueryRule{Names: []string{"a=b"}}}, "must not hold"},
		{Pattern{Query: QueryRule{Names: []string{"a b"}}}, "query.names"},
		{Pattern{Query: QueryRule{Names: make([]string, 65)}}, "at most 64"},
		{Pattern{Query: QueryRule{Others: 7}}, "query.others"},
	} {
		_, err := NewKeyer([]Pattern{c.pattern})
		require.ErrorContains(t, err, c.says, "%+v", c.pattern)
	}
	_, err := NewKeyer(make([]Pattern, maxPatterns+1))
	require.ErrorContains(t, err, "routes")
}

func TestErrorsQuoteLittle(t *testing.T) {
	k := testKeyer(t)
	var s Scratch
	_, err := k.Key(Input{"GET", "shop.example", "/strict?" + strings.Repeat("x", 5000)}, &s)
	require.ErrorContains(t, err, "query: the parameter")
	require.Less(t, len(err.Error()), 120)
}
