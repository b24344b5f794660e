package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/letteros/letteredge/cachekey"
)

const minimal = `
origins: [{name: web, url: "http://127.0.0.1:3000"}]
artifacts: {origin: web}
`

func TestDefaultsTextIsDefault(t *testing.T) {
	c, err := Parse([]byte(Defaults()))
	require.NoError(t, err)
	want := Default()
	require.NoError(t, want.Validate())
	// What the text spells out as empty is empty in Default, too.
	want.TLS.Names, want.Tokens, want.Admin.AllowedHosts = []string{}, []Token{}, []string{}
	want.Cluster.Voters, want.Cluster.Join = []Voter{}, Join{LAN: []string{}, WAN: []string{}}
	require.Equal(t, want, c)
}

func TestParseFillsInDefaults(t *testing.T) {
	c, err := Parse([]byte(minimal + `
listen: {tls: ":0"}
fills: {wait: 250ms}
cache:
routes:
  - {name: img, path: /img/*, origin: web, query: {names: [w, h], others: refuse}, tags: shared}
  - {name: news, path: /news/*, origin: web, isolated: error, ttl: {sie: 0s, max: 1h}}
`))
	require.NoError(t, err)
	d := Default()
	require.Equal(t, Listen{HTTP: d.Listen.HTTP, TLS: ":0", Admin: d.Listen.Admin}, c.Listen)
	require.Equal(t, 250*time.Millisecond, c.Fills.Wait.Std())
	require.Equal(t, d.Fills.MaxWaiters, c.Fills.MaxWaiters)
	require.Equal(t, d.Cache, c.Cache)
	require.Equal(t, d.Artifacts.TTL, c.Artifacts.TTL)
	require.Equal(t, "web", c.Origins[0].Group)
	require.Equal(t, d.Origins[0].Timeouts, c.Origins[0].Timeouts)
	require.Equal(t, []Route{{Name: "img", Path: "/img/*", Origin: "web",
		Query: Query{Names: []string{"w", "h"}, Others: OthersRefuse}, Tags: TagsShared, Isolated: IsolatedStale, TTL: TTL{SIE: Duration(5 * time.Minute)}},
		{Name: "news", Path: "/news/*", Origin: "web", Query: Query{Others: OthersDrop}, TTL: TTL{Max: Duration(time.Hour)}, Tags: TagsGroup, Isolated: IsolatedError}}, c.Routes)
	require.Equal(t, IsolatedStale, c.Artifacts.Isolated)
}

func TestForOrigin(t *testing.T) {
	c := ForOrigin("http://127.0.0.1:9", "127.0.0.1:0", "", "127.0.0.1:0", ProfileConformance)
	require.NoError(t, c.Validate())
	require.Equal(t, Node{ID: "local-1", Region: "local"}, c.Node)
	require.Equal(t, ProfileConformance, c.Profile)
	require.Equal(t, "origin", c.Artifacts.Origin)
	require.Len(t, c.Routes, 1)
	require.Equal(t, Query{Names: []string{"*"}, Others: OthersDrop}, c.Routes[0].Query)
	require.Equal(t, "/*", c.Routes[0].Path)

	require.ErrorContains(t, ForOrigin("ftp://x", "nonsense", "", "", "fast").Validate(),
		`listen.http is "nonsense"; must be host:port`)
}

func TestBadFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":      {"nodes: {}", "1:1: nodes is not a field; allowed are node, listen"},
		"unknown inside":     {minimal + "cache:\n  max_byte: 1MiB\n", "5:3: cache.max_byte is not a field; allowed are max_bytes, max_object_bytes"},
		"unknown in list":    {"origins:\n  - name: a\n    uri: b\n", "3:5: origins[0].uri is not a field; allowed are name, url"},
		"duplicate":          {"node: {}\nnode: {}\n", `2:1: mapping key "node" already defined at [1:1]`},
		"not YAML":           {"node: {", "1:7:"},
		"not a mapping":      {"- a\n", "must be a mapping with the fields node, listen"},
		"a scalar":           {"42", "must be a mapping"},
		"two documents":      {minimal + "---\nnode: {}\n", "must hold one document"},
		"alias":              {"node: &n {id: a}\nlisten: *n\n", "anchors, aliases, merges and tags are not supported"},
		"anchor":             {"node: &n {id: a}\n", "anchors, aliases, merges and tags are not supported"},
		"merge":              {"node: {<<: {id: a}}", "node.<< is not a field"},
		"tag":                {"node: !!str x", "anchors, aliases, merges and tags"},
		"list for mapping":   {"cache: []", "cache must be a mapping with the fields max_bytes"},
		"mapping for list":   {"origins: {}", "origins must be a list"},
		"mapping for scalar": {"profile: {}", "profile must be a single value"},
		"empty item":         {"origins:\n  -\n", "origins[0] must not be empty"},
		"text for number":    {minimal + "fills: {max: many}", "fills.max must be a whole number"},
		"float for number":   {minimal + "fills: {max: 1.5}", "fills.max must be a whole number"},
		"number too large":   {minimal + "fills: {max: 99999999999999999999}", "fills.max"},
		"text for bool":      {minimal + `server_timing_on_hits: "yes"`, "server_timing_on_hits must be true or false"},
		"duration unit":      {minimal + "fills: {wait: 10}", `4:15: fills.wait must be a duration with a unit, such as "2s" or "1h30m", from 1ms to 5m0s`},
		"duration range":     {minimal + "fills: {wait: 1h}", "fills.wait is 1h0m0s; must be a duration"},
		"size unit":          {minimal + "cache: {max_bytes: 1 barrel}", "cache.max_bytes must be a size"},
		"size negative":      {minimal + "cache: {max_bytes: -1}", "cache.max_bytes must be a size"},
		"size overflow":      {minimal + "cache: {max_bytes: 9999999999TiB}", "cache.max_bytes must be a size"},
		"size range":         {minimal + "cache: {max_bytes: 1B}", "cache.max_bytes is 1; must be a size"},
		"refresh always":     {minimal + "fills: {refresh_ahead: 1}", "fills.refresh_ahead is 1; must be from 0 (never) to 0.9, a share of the lifetime"},
		"object over fills":  {minimal + "cache: {max_object_bytes: 2MiB}\nfills: {memory: 1MiB}", "fills.memory must hold at least one answer of cache.max_object_bytes (2MiB)"},
		"object over cache":  {minimal + "cache: {max_bytes: 1MiB, max_object_bytes: 2MiB}", "cache.max_object_bytes must not exceed cache.max_bytes (1MiB)"},
		"no origin":          {"node: {id: a}", "origins must have at least one origin"},
		"unnamed origin":     {"origins: [{url: 'http://a'}]", `origins[0].name is ""; must be [a-z][a-z0-9_-]{0,63}`},
		"unknown origin":     {minimal + "routes: [{name: a, origin: b}]", `routes[0].origin is "b"; must name an origin: web`},
		"same origin":        {"origins: [{name: a, url: 'http://a'}, {name: a, url: 'http://b'}]", `origins[1].name is "a", as another origin's`},
		"same route":         {minimal + "routes: [{name: a, origin: web}, {name: a, origin: web}]", `routes[1].name is "a", as another route's`},
		"node id":            {minimal + "node: {id: Tokyo_1}", `node.id is "Tokyo_1"; must be [a-z]`},
		"profile":            {minimal + "profile: fast", `profile is "fast"; must be one of default, conformance`},
		"url path":           {"origins: [{name: a, url: 'http://a/b'}]", "origins[0].url is"},
		"url user":           {"origins: [{name: a, url: 'http://u:p@a'}]", "origins[0].url is"},
		"url port":           {"origins: [{name: a, url: 'http://a:99999'}]", `origins[0].url has the port "99999"`},
		"url scheme":         {"origins: [{name: a, url: 'a:80'}]", "origins[0].url is"},
		"weights":            {pooled("0.5", "0.4"), "origins[0].servers have weights that sum to 0.9; must be 1"},
		"weight":             {pooled("1.5", "-0.5"), "origins[0].servers[0].weight is 1.5; must be above 0 and at most 1"},
		"weight as text":     {pooled("half", "0.5"), "origins[0].servers[0].weight must be a number"},
		"weight not finite":  {pooled(".nan", "0.5"), "origins[0].servers[0].weight"},
		"server twice":       {"origins: [{name: web, servers: [{url: 'http://a', weight: 0.5}, {url: 'http://a', weight: 0.5}]}]", `servers[1].url is "http://a", as another server's`},
		"url and servers":    {"origins: [{name: web, url: 'http://a', servers: [{url: 'http://b', weight: 1}]}]", "origins[0].url must be empty where servers are given"},
		"breaker failures":   {"origins: [{name: web, url: 'http://a', breaker: {failures: -1}}]", "origins[0].breaker.failures is -1"},
		"breaker pause":      {"origins: [{name: web, url: 'http://a', breaker: {pause: 2h}}]", "origins[0].breaker.pause is 2h0m0s"},
		"breaker max_pause":  {"origins: [{name: web, url: 'http://a', breaker: {pause: 10s, max_pause: 5s}}]", "origins[0].breaker.max_pause is 5s; must be a duration"},
		"hedge_after":        {"origins: [{name: web, url: 'http://a', hedge_after: -1s}]", "origins[0].hedge_after is -1s; must be a duration"},
		"health path":        {"origins: [{name: web, url: 'http://a', health: {path: x}}]", `origins[0].health.path is "x"; must be a path`},
		"health, off":        {"origins: [{name: web, url: 'http://a', breaker: {failures: 0}, health: {path: /x}}]", "origins[0].health.path needs breaker.failures"},
		"outlier ratio":      {"origins: [{name: web, url: 'http://a', outlier: {ratio: 2}}]", "origins[0].outlier.ratio is 2; must be from 0 to 1"},
		"outlier, one":       {"origins: [{name: web, url: 'http://a', outlier: {ratio: 0.5}}]", "origins[0].outlier.ratio needs several servers"},
		"outlier max_pause":  {"origins: [{name: web, url: 'http://a', outlier: {max_pause: 1s}}]", "origins[0].outlier.max_pause is 1s"},
		"health interval":    {"origins: [{name: web, url: 'http://a', health: {interval: 1ms}}]", "origins[0].health.interval is 1ms; must be a duration"},
		"retries":            {"origins: [{name: web, url: 'http://a', retries: 6}]", "origins[0].retries is 6; must be from 0 to 5"},
		"ca without https":   {"origins: [{name: a, url: 'http://a', ca: x.pem}]", "origins[0].ca must be empty unless the url is https"},
		"coding mode":        {minimal + "compression: {mode: 'yes'}", `compression.mode is "yes"; must be one of auto, on, off`},
		"coding unknown":     {minimal + "compression: {codings: [br, lzma]}", `compression.codings[1] is "lzma"; must be one of br, zstd, gzip`},
		"coding identity":    {minimal + "compression: {codings: [identity]}", `compression.codings[0] is "identity"; must be one of`},
		"coding twice":       {minimal + "compression: {codings: [br, br]}", `compression.codings[1] is "br", which is named before`},
		"no coding":          {minimal + "compression: {codings: []}", "compression.codings must name at least one of br, zstd, gzip"},
		"coding sizes":       {minimal + "compression: {min_bytes: 2MiB, max_bytes: 1MiB}", "compression.min_bytes must not exceed compression.max_bytes (1MiB)"},
		"coding type":        {minimal + "compression: {types: ['text/*', '*/*']}", `compression.types[1] is "*/*"; must be a media type`},
		"coding field":       {minimal + "compression: {level: 9}", "compression.level is not a field; allowed are mode, codings"},
		"no listener":        {minimal + "listen: {http: ''}", "listen must have an address in http or tls"},
		"same listener":      {minimal + "listen: {http: ':1', admin: ':1'}", "listen must have a different address for each"},
		"no port":            {minimal + "listen: {http: localhost}", `listen.http is "localhost"; must be host:port`},
		"port range":         {minimal + "listen: {http: ':65536'}", "listen.http is"},
		"cert without key":   {minimal + "tls: {cert: a}", "tls must have both cert and key, or neither"},
		"tls name":           {minimal + "tls: {names: ['A B']}", "tls.names[0] has the host"},
		"alone with a pool":  {minimal + "cluster: {lan: ':1'}", "cluster.lan must be empty unless cluster.name is given"},
		"alone with voters":  {minimal + "cluster: {voters: [{id: a, region: b, address: ':1'}]}", "cluster.voters and cluster.join must be empty"},
		"cluster, no pools":  {minimal + "cluster: {name: c}", "cluster.lan must be an address, host:port"},
		"cluster, no files":  {minimal + "cluster: {name: c}", "cluster.key must name a file; see edgectl cluster init"},
		"cluster, no voters": {minimal + "cluster: {name: c}", "cluster.voters has 0; must be an odd number up to 9"},
		"voter twice": {minimal + "cluster: {name: c, voters: [{id: a, region: b, address: ':1'}, {id: a, region: b, address: ':2'}, {id: d, region: b, address: ':3'}]}",
			`cluster.voters[1].id is "a", as another voter's`},
		"voter nowhere": {minimal + "cluster: {name: c, voters: [{id: a, region: b}]}", "cluster.voters[0].address must be an address"},
		"voter's region": {minimal + "node: {id: a, region: x}\ncluster: {name: c, voters: [{id: a, region: b, address: ':1'}]}",
			`cluster.voters[0].region is "b"; this node's region is "x"`},
		"cluster clamp":   {minimal + "cluster: {clamp: 2h}", "cluster.clamp is 2h0m0s; must be a duration"},
		"route path":      {minimal + "routes: [{name: a, origin: web, path: 'img/*'}]", "routes[0].path is"},
		"route star":      {minimal + "routes: [{name: a, origin: web, path: '/img*'}]", "routes[0].path is"},
		"route dots":      {minimal + "routes: [{name: a, origin: web, path: '/a/../b'}]", "must have no empty, . or .. step"},
		"route slashes":   {minimal + "routes: [{name: a, origin: web, path: '/a//b'}]", "must have no empty, . or .. step"},
		"route artifacts": {minimal + "routes: [{name: a, origin: web, path: '/v1/segments/*'}]", "artifacts have routes of their own"},
		"route host":      {minimal + "routes: [{name: a, origin: web, host: 'a:80'}]", "routes[0].host has the host"},
		"query star":      {minimal + "routes: [{name: a, origin: web, query: {names: ['*', b]}}]", "routes[0].query.names[0]"},
		"route IPv6":      {minimal + "routes: [{name: a, origin: web, host: '::1'}]", "routes[0].host"},
		"query names":     {minimal + "routes: [{name: a, origin: web, query: {names: [" + "x" + manyNames() + "]}}]", "routes[0].query"},
		"too many routes": {minimal + "routes: [" + manyRoutes() + "]", "routes must be at most 1024"},
		"query twice":     {minimal + "routes: [{name: a, origin: web, query: {names: [b, b]}}]", "a second time"},
		"query others":    {minimal + "routes: [{name: a, origin: web, query: {others: keep}}]", "must be one of drop, refuse"},
		"isolated":        {minimal + "routes: [{name: a, origin: web, isolated: serve}]", `routes[0].isolated is "serve"; must be one of stale, error`},
		"cut off":         {"origins: [{name: web, url: 'http://a'}]\nartifacts: {origin: web, isolated: no}", `artifacts.isolated is "no"; must be one of stale, error`},
		"ttl":             {minimal + "routes: [{name: a, origin: web, ttl: {default: 2m, max: 1m}}]", "must not exceed routes[0].ttl.max (1m0s)"},
		"segment":         {minimal + "routes: [{name: a, origin: web, segment: B2B}]", "routes[0].segment is"},
		"token hash":      {minimal + "tokens: [{name: a, hash: s3cret, scopes: [read]}]", "tokens[0].hash must be"},
		"token scope":     {minimal + "tokens: [{name: a, hash: x, scopes: [all]}]", `tokens[0].scopes[0] is "all"; must be one of read`},
		"token no scope":  {minimal + "tokens: [{name: a, hash: x}]", "tokens[0].scopes must name at least one"},
		"allowed host":    {minimal + "admin: {allowed_hosts: ['http://x']}", "admin.allowed_hosts[0]"},
		"log level":       {minimal + "log: {level: loud}", "log.level is"},
		"oversized":       {strings.Repeat("#", maxFileBytes+1), "the file must be at most 1MiB"},
		"NUL":             {"node: {id: \"a\x00\"}", "node.id"},
		"deep brackets":   {"a: " + strings.Repeat("[", 15_000), "1:35: nothing may be nested deeper than 32 levels"},
		"deep braces":     {"a: " + strings.Repeat("{a: ", 5_000), "nested deeper than 32 levels"},
		"deep entries":    {strings.Repeat("- ", 300_000) + "a", "the file must have at most 20000 words and signs, and has 300001"},
		"entry in entry":  {strings.Repeat("- ", 33) + "a", "1:65: nothing may be nested deeper than 32 levels"},
		"deep mappings":   {ladder(33), "33:34: nothing may be nested deeper than 32 levels"},
		"many keys":       {strings.Repeat("k: 1\n", 100_000), "the file must have at most 20000 words and signs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.text))
			var e *Error
			require.ErrorAs(t, err, &e)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "s3cret", "a secret is repeated")
		})
	}
}

// ladder is a mapping in a mapping, so many deep.
func ladder(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "k:\n")
	}
	return b.String()
}

func TestByteOrderMark(t *testing.T) {
	with, err := Parse([]byte("\ufeff" + minimal))
	require.NoError(t, err)
	without, err := Parse([]byte(minimal))
	require.NoError(t, err)
	require.Equal(t, without, with)
}

// Bounds are of the nesting, and not of how many stand side by side.
func TestBounded(t *testing.T) {
	for _, text := range []string{ladder(32), "a: " + strings.Repeat("[", 31) + strings.Repeat("]", 31),
		strings.Repeat("- [a]\n", 3000), strings.Repeat("k: {a: [b]}\n", 1500), "a:\n" + strings.Repeat(" b:\n  - c: 1\n", 1500)} {
		p, ok := bounded(text)
		require.True(t, ok, "%v", p)
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	_, err := Parse([]byte(minimal + "profile: fast\nfills:\n  wait: 10\n  max: 0\nlog: {level: loud}\n"))
	var e *Error
	require.ErrorAs(t, err, &e)
	e.File = "edge.yaml"
	var heads []string
	for _, l := range e.Lines() {
		head, _, _ := strings.Cut(l, " must")
		head, _, _ = strings.Cut(head, " is")
		heads = append(heads, head)
	}
	require.Equal(t, []string{
		"edge.yaml:4:10: profile", "edge.yaml:6:9: fills.wait", "edge.yaml:7:8: fills.max", "edge.yaml:8:14: log.level",
	}, heads)
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)

	path := filepath.Join(dir, "edge.yaml")
	require.NoError(t, os.WriteFile(path, []byte("node: {ids: a}"), 0o600))
	_, err = Load(path)
	require.ErrorContains(t, err, path+":1:8: node.ids is not a field")

	require.NoError(t, os.WriteFile(path, []byte(Defaults()), 0o600))
	_, err = Load(path)
	require.NoError(t, err)
}

// What Validate lets through, the keyer takes: a node that checks must start.
func TestRoutesThatPassMakeAKeyer(t *testing.T) {
	passed := 0
	rapid.Check(t, func(t *rapid.T) {
		c := Default()
		r := &c.Routes[0]
		r.Host = rapid.OneOf(rapid.Just(""), rapid.StringMatching(`(\*\.)?[a-z0-9]+\.[a-z]+`), rapid.StringMatching(`(\*\.)?[a-z0-9.:\[\]_-]{0,12}`)).Draw(t, "host")
		r.Path = rapid.StringMatching(`/[a-zA-Z0-9./~!&'()+,;=:@_*-]{0,12}\*?`).Draw(t, "path")
		r.Query.Names = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z+\[\];/?~"<*]{1,4}`), 0, 70, rapid.ID[string]).Draw(t, "names")
		if c.Validate() != nil {
			return
		}
		passed++
		_, err := cachekey.NewKeyer([]cachekey.Pattern{{Host: r.Host, Path: r.Path, Query: cachekey.QueryRule{Names: r.Query.Names}}})
		require.NoError(t, err)
	})
	require.Greater(t, passed, 10)
}

func TestSizeText(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "1B": 1, "4KiB": 4096, "4 KiB": 4096, "10MB": 10_000_000, "1GiB": 1 << 30,
	} {
		var s Size
		require.NoError(t, s.UnmarshalText([]byte(text)))
		require.Equal(t, want, s.Bytes(), text)
	}
	rapid.Check(t, func(t *rapid.T) {
		want := Size(rapid.Int64Min(0).Draw(t, "size"))
		text, err := want.MarshalText()
		require.NoError(t, err)
		var got Size
		require.NoError(t, got.UnmarshalText(text))
		require.Equal(t, want, got)
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", minimal, Defaults(), "node: &a [*a]", "a: !!binary x", "\ufeffnode:", "? a\n: b", "- - -", "{"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Problems)
			return
		}
		require.NoError(t, c.Validate())
	})
}

// manyNames are more query parameters than a route may name.
func manyNames() string {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, ", n%d", i)
	}
	return b.String()
}

// manyRoutes are more routes than there may be.
func manyRoutes() string {
	var b strings.Builder
	for i := range maxRoutes + 1 {
		fmt.Fprintf(&b, "{name: r%d, origin: web}, ", i)
	}
	return b.String()
}

// pooled is an origin of two servers with these weights.
func pooled(a, b string) string {
	return "origins: [{name: web, servers: [{url: 'http://a', weight: " + a + "}, {url: 'http://b', weight: " + b + "}]}]\nartifacts: {origin: web}\n"
}

func TestServersOfAnOrigin(t *testing.T) {
	c, err := Parse([]byte(pooled("0.333", "0.667")))
	require.NoError(t, err)
	require.Equal(t, []Server{{"http://a", 0.333}, {"http://b", 0.667}}, c.Origins[0].Servers)
	require.Equal(t, Breaker{Failures: 100, Pause: Duration(time.Second), MaxPause: Duration(5 * time.Second)}, c.Origins[0].Breaker)
}
