package freshness

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const hour = time.Hour

// How long is a response fresh? RFC 9111 §4.2, RFC 9213.
func TestLifetime(t *testing.T) {
	day := 24 * hour
	for name, c := range map[string]struct {
		fields []string
		want   time.Duration
	}{
		// §4.2.1, §5.2.2
		"max-age":                         {[]string{"Cache-Control: max-age=3600"}, hour},
		"none":                            {nil, 0},
		"zero":                            {[]string{"Cache-Control: max-age=0"}, 0},
		"without case":                    {[]string{"cache-control: MaX-aGe=3600"}, hour},
		"extension":                       {[]string{"Cache-Control: foobar, max-age=3600"}, hour},
		"largest":                         {[]string{"Cache-Control: max-age=99999999999"}, MaxDelta},
		"leading zeros":                   {[]string{"Cache-Control: max-age=003600"}, hour},
		"quoted":                          {[]string{`Cache-Control: max-age="3600"`}, hour},
		"in single quotes":                {[]string{"Cache-Control: max-age='3600'"}, 0},
		"negative":                        {[]string{"Cache-Control: max-age=-3600"}, 0},
		"fraction":                        {[]string{"Cache-Control: max-age=3600.5"}, 0},
		"letter":                          {[]string{"Cache-Control: max-age=3600a"}, 0},
		"without a value":                 {[]string{"Cache-Control: max-age"}, 0},
		"space before the sign":           {[]string{"Cache-Control: max-age =3600"}, 0},
		"space behind the sign":           {[]string{"Cache-Control: max-age= 3600"}, 0},
		"in an extension's string":        {[]string{`Cache-Control: extension="max-age=3600", max-age=1`}, time.Second},
		"in a later one":                  {[]string{`Cache-Control: max-age=1, extension="max-age=3600"`}, time.Second},
		"first of two":                    {[]string{"Cache-Control: max-age=1, max-age=1800"}, time.Second},
		"first of two lines":              {[]string{"Cache-Control: max-age=1800", "Cache-Control: max-age=1"}, 1800 * time.Second},
		"first is invalid":                {[]string{"Cache-Control: max-age=x, max-age=1800"}, 0},
		"s-maxage":                        {[]string{"Cache-Control: max-age=1", "Cache-Control: s-maxage=3600"}, hour},
		"s-maxage is shorter":             {[]string{"Cache-Control: s-maxage=1, max-age=3600"}, time.Second},
		"s-maxage is invalid":             {[]string{"Cache-Control: s-maxage=x, max-age=3600"}, 0},
		"s-maxage over all":               {[]string{"Expires: " + at(-10), "Cache-Control: max-age=0, s-maxage=3600"}, hour},
		"max-age over Expires":            {[]string{"Cache-Control: max-age=3600", "Expires: " + at(-7200)}, hour},
		"max-age over an invalid Expires": {[]string{"Cache-Control: max-age=3600", "Expires: 0"}, hour},
		"max-age=0 over Expires":          {[]string{"Cache-Control: max-age=0", "Expires: " + at(3600)}, 0},
		// §5.3
		"Expires":                  {[]string{"Expires: " + at(3600)}, hour},
		"Expires now":              {[]string{"Expires: " + at(0)}, 0},
		"Expires past":             {[]string{"Expires: " + at(-3600)}, 0},
		"Expires far":              {[]string{"Expires: Sun, 21 Nov 9999 04:46:39 GMT"}, MaxDelta},
		"Expires invalid":          {[]string{"Expires: 0", "Last-Modified: " + at(-1000)}, 0},
		"Expires empty":            {[]string{"Expires:", "Last-Modified: " + at(-1000)}, 0},
		"Expires twice, first":     {[]string{"Expires: " + at(60), "Expires: " + at(3600)}, time.Minute},
		"Expires twice in a line":  {[]string{"Expires: " + at(60) + ", " + at(3600)}, 0},
		"Expires in a wrong zone":  {[]string{"Expires: Thu, 18 Aug 2050 02:01:18 AEST"}, 0},
		"Expires with a short day": {[]string{"Expires: Thu, 18 Aug 50 02:01:18 GMT"}, 0},
		// §4.2.2
		"heuristic":              {[]string{"Last-Modified: " + at(-1000)}, 100 * time.Second},
		"heuristic bound":        {[]string{"Last-Modified: Mon, 01 Jan 2001 00:00:00 GMT"}, day},
		"modified in the future": {[]string{"Last-Modified: " + at(1000)}, 0},
		"modified invalid":       {[]string{"Last-Modified: yesterday"}, 0},
		"no-cache says no time":  {[]string{"Cache-Control: no-cache", "Last-Modified: " + at(-1000)}, 100 * time.Second},
		// RFC 9213
		"targeted":                    {[]string{"CDN-Cache-Control: max-age=3600"}, hour},
		"targeted largest":            {[]string{"CDN-Cache-Control: max-age=99999999999"}, MaxDelta},
		"targeted over longer":        {[]string{"Cache-Control: max-age=3600", "CDN-Cache-Control: max-age=1"}, time.Second},
		"targeted over shorter":       {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: max-age=3600"}, hour},
		"targeted over s-maxage":      {[]string{"Cache-Control: s-maxage=1", "CDN-Cache-Control: max-age=3600"}, hour},
		"targeted over Expires":       {[]string{"CDN-Cache-Control: max-age=3600", "Expires: " + at(-10)}, hour},
		"targeted zero":               {[]string{"CDN-Cache-Control: max-age=0", "Expires: " + at(10)}, 0},
		"targeted without a time":     {[]string{"CDN-Cache-Control: public", "Expires: " + at(10), "Cache-Control: max-age=10"}, 0},
		"targeted extension":          {[]string{"CDN-Cache-Control: foobar, max-age=3600"}, hour},
		"targeted parameter":          {[]string{"CDN-Cache-Control: max-age=3600;x=y"}, hour},
		"targeted negative":           {[]string{"Cache-Control: max-age=7", "CDN-Cache-Control: max-age=-1"}, 0},
		"targeted twice, last (SF)":   {[]string{"CDN-Cache-Control: max-age=1", "CDN-Cache-Control: max-age=3600"}, hour},
		"targeted, space before sign": {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: max-age =100"}, time.Second},
		"targeted, space behind sign": {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: max-age= 100"}, time.Second},
		"targeted upper case":         {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: MaX-aGe=100"}, time.Second},
		"targeted string":             {[]string{"Cache-Control: max-age=1", `CDN-Cache-Control: max-age="100"`}, time.Second},
		"targeted decimal":            {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: max-age=100.0"}, time.Second},
		"targeted unknown type":       {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: max-age=100, &&&&&"}, time.Second},
		"targeted false":              {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: max-age=100, no-store=?0"}, time.Second},
		"targeted empty":              {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: "}, time.Second},
		"targeted trailing comma":     {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: max-age=100,"}, time.Second},
		"targeted too many digits":    {[]string{"Cache-Control: max-age=1", "CDN-Cache-Control: max-age=1234567890123456"}, time.Second},
	} {
		v := judge(c.fields...)
		require.Equal(t, c.want, v.Lifetime, name)
		require.Equal(t, c.want > 0, v.Use(v.InitialAge, Directives{}) == Fresh || v.NoCache, name)
	}
}

// How old is it already? RFC 9111 §4.2.3, §5.1.
func TestInitialAge(t *testing.T) {
	for name, c := range map[string]struct {
		fields []string
		delay  time.Duration
		want   time.Duration
	}{
		"now":                        {[]string{"Date: " + at(0)}, 0, 0},
		"delay":                      {[]string{"Date: " + at(0)}, 3 * time.Second, 3 * time.Second},
		"clock set back":             {[]string{"Date: " + at(0)}, -3 * time.Second, 0},
		"apparent":                   {[]string{"Date: " + at(-10)}, 3 * time.Second, 10 * time.Second},
		"Date ahead":                 {[]string{"Date: " + at(10)}, 0, 0},
		"no Date":                    {nil, 3 * time.Second, 3 * time.Second},
		"Date invalid":               {[]string{"Date: foo"}, 0, 0},
		"Date of old":                {[]string{"Date: Sun, 01 Jan 1000 00:00:00 GMT"}, 0, MaxDelta},
		"Age":                        {[]string{"Date: " + at(0), "Age: 30"}, 3 * time.Second, 33 * time.Second},
		"Age over apparent":          {[]string{"Date: " + at(-10), "Age: 25"}, 0, 25 * time.Second},
		"apparent over Age":          {[]string{"Date: " + at(-30), "Age: 25"}, 0, 30 * time.Second},
		"Age not a number":           {[]string{"Date: " + at(0), "Age: abc"}, 0, 0},
		"Age negative":               {[]string{"Date: " + at(0), "Age: -7200"}, 0, 0},
		"Age fraction":               {[]string{"Date: " + at(0), "Age: 7200.0"}, 0, 0},
		"Age with a parameter":       {[]string{"Date: " + at(0), "Age: 7200;foo=1"}, 0, 0},
		"Age largest":                {[]string{"Date: " + at(0), "Age: 2147483649"}, hour, MaxDelta},
		"Age list":                   {[]string{"Date: " + at(0), "Age: 7200, 0"}, 0, 2 * hour},
		"Age list, new first":        {[]string{"Date: " + at(0), "Age: 0, 7200"}, 0, 0},
		"Age list, invalid first":    {[]string{"Date: " + at(0), "Age: x, 7200"}, 0, 0},
		"Age lines":                  {[]string{"Date: " + at(0), "Age: 7200", "Age: 0"}, 0, 2 * hour},
		"Age lines, new first":       {[]string{"Date: " + at(0), "Age: 0", "Age: 7200"}, 0, 0},
		"Age, empty members skipped": {[]string{"Date: " + at(0), "Age: , 7200"}, 0, 2 * hour},
	} {
		v := Judge(Request{}, Response{Method: "GET", Status: 200, Fields: lines(c.fields), RequestAt: t0.Add(-c.delay), ResponseAt: t0}, Policy{})
		require.Equal(t, c.want, v.InitialAge, name)
	}
	v := Judge(Request{}, Response{Method: "GET", Status: 200, Fields: lines{"Date: " + at(0)}, ResponseAt: t0}, Policy{})
	require.Zero(t, v.InitialAge, "RequestAt is not known")
	require.True(t, v.HasDate)
}

// Lifetime and age together, where Date is off.
func TestDateAgainstExpires(t *testing.T) {
	for name, c := range map[string]struct {
		fields lines
		use    Use
	}{
		"Expires before Date": {lines{"Date: " + at(400), "Expires: " + at(300)}, Revalidate},
		"slow Date":           {lines{"Date: " + at(-10), "Expires: " + at(10), "Age: 25"}, Revalidate},
		"fast Date":           {lines{"Date: " + at(10), "Expires: " + at(20), "Age: 15"}, Revalidate},
		"invalid Date":        {lines{"Date: foo", "Expires: " + at(10)}, Fresh},
		"Age above max-age":   {lines{"Date: " + at(0), "Cache-Control: max-age=3600", "Age: 7200"}, Revalidate},
		"Age below max-age":   {lines{"Date: " + at(0), "Cache-Control: max-age=3600", "Age: 3599"}, Fresh},
		"Age equals max-age":  {lines{"Date: " + at(0), "Cache-Control: max-age=3600", "Age: 3600"}, Revalidate},
		"both beyond limits":  {lines{"Date: " + at(0), "Cache-Control: max-age=99999999999", "Age: 99999999999"}, Revalidate},
	} {
		v := Judge(Request{}, Response{Method: "GET", Status: 200, Fields: c.fields, RequestAt: t0, ResponseAt: t0}, Policy{})
		require.Equal(t, c.use, v.Use(v.InitialAge, Directives{}), name)
	}
}

// May it be stored? RFC 9111 §3, §3.5, §5.2.2.
func TestStorable(t *testing.T) {
	fresh := "Cache-Control: max-age=60"
	for name, c := range map[string]struct {
		req    Request
		status int
		fields lines
		want   Reason
		strict Reason // under conformance, where it differs
	}{
		"fresh":                   {Request{}, 200, lines{fresh}, Stored, 0},
		"nothing said":            {Request{}, 200, nil, NoFreshness, 0},
		"validator only":          {Request{}, 200, lines{`ETag: "a"`}, Stored, 0},
		"weak validator only":     {Request{}, 200, lines{`ETag: W/"a"`}, Stored, 0},
		"date as a validator":     {Request{}, 200, lines{"Last-Modified: " + at(0)}, Stored, 0},
		"no validator":            {Request{}, 200, lines{"ETag: a", "Last-Modified: never"}, NoFreshness, 0},
		"stale on arrival":        {Request{}, 200, lines{fresh, "Age: 60"}, NoFreshness, 0},
		"stale with a window":     {Request{}, 200, lines{"Cache-Control: max-age=0, stale-while-revalidate=60"}, Stored, 0},
		"no-store":                {Request{}, 200, lines{fresh, "Cache-Control: No-StOrE"}, NoStore, 0},
		"no-store with argument":  {Request{}, 200, lines{fresh, "Cache-Control: no-store=x"}, NoStore, 0},
		"no-store, malformed":     {Request{}, 200, lines{"Cache-Control: max-age=60;no-store"}, NoStore, 0},
		"private":                 {Request{}, 200, lines{fresh, "Cache-Control: private"}, Private, 0},
		"private fields":          {Request{}, 200, lines{fresh, `Cache-Control: private="x-a"`}, Stored, 0},
		"private fields, empty":   {Request{}, 200, lines{fresh, `Cache-Control: private=""`}, Private, 0},
		"private fields, broken":  {Request{}, 200, lines{fresh, `Cache-Control: private="a b"`}, Private, 0},
		"private fields, no end":  {Request{}, 200, lines{fresh, `Cache-Control: private="a`}, Private, 0},
		"private, vital field":    {Request{}, 200, lines{fresh, `Cache-Control: private="content-encoding"`}, Private, 0},
		"no-cache, no validator":  {Request{}, 200, lines{fresh, "Cache-Control: no-cache"}, NoFreshness, 0},
		"no-cache":                {Request{}, 200, lines{fresh, "Cache-Control: no-cache", `ETag: "a"`}, Stored, 0},
		"cookie":                  {Request{}, 200, lines{fresh, "Set-Cookie: a=b"}, SetCookie, Stored},
		"cookie is private":       {Request{}, 200, lines{fresh, "Set-Cookie: a=b", `Cache-Control: private="set-cookie"`}, Stored, Stored},
		"cookie is no-cache":      {Request{}, 200, lines{fresh, "Set-Cookie: a=b", `Cache-Control: no-cache="Set-Cookie"`}, Stored, Stored},
		"empty cookie":            {Request{}, 200, lines{fresh, "Set-Cookie:"}, SetCookie, Stored},
		"authorized":              {Request{Authorization: true}, 200, lines{fresh}, Authorization, 0},
		"authorized, public":      {Request{Authorization: true}, 200, lines{fresh, "Cache-Control: public"}, Stored, 0},
		"authorized, public=x":    {Request{Authorization: true}, 200, lines{fresh, "Cache-Control: public=x"}, Authorization, 0},
		"authorized, must-reval":  {Request{Authorization: true}, 200, lines{fresh, "Cache-Control: must-revalidate"}, Stored, 0},
		"authorized, proxy-reval": {Request{Authorization: true}, 200, lines{fresh, "Cache-Control: proxy-revalidate"}, Authorization, 0},
		"authorized, s-maxage":    {Request{Authorization: true}, 200, lines{"Cache-Control: s-maxage=60"}, Stored, 0},
		"authorized, targeted":    {Request{Authorization: true}, 200, lines{"CDN-Cache-Control: max-age=60", "Cache-Control: public"}, Authorization, 0},
		"request no-store":        {Request{NoStore: true}, 200, lines{fresh}, RequestNoStore, 0},
		"vary":                    {Request{}, 200, lines{fresh, "Vary: Foo"}, Stored, 0},
		"vary any":                {Request{}, 200, lines{fresh, "Vary: *"}, VaryAny, 0},
		"vary any twice":          {Request{}, 200, lines{fresh, "Vary: *, *"}, VaryAny, 0},
		"vary any on a line":      {Request{}, 200, lines{fresh, "Vary: ", "Vary: *"}, VaryAny, 0},
		"vary any in a list":      {Request{}, 200, lines{fresh, "Vary: , Foo, *"}, VaryAny, 0},
		"vary no name":            {Request{}, 200, lines{fresh, "Vary: a b"}, VaryAny, 0},
		"vary far too much":       {Request{}, 200, lines{fresh, "Vary: " + strings.Repeat("a,", 33)}, VaryAny, 0},
		"interim":                 {Request{}, 103, lines{fresh}, Status, 0},
		"partial":                 {Request{}, 206, lines{fresh}, Partial, 0},
		"not modified":            {Request{}, 304, lines{fresh}, Status, 0},
		"beyond statuses":         {Request{}, 600, lines{fresh}, Status, 0},
		"unknown, explicit":       {Request{}, 599, lines{fresh}, Stored, 0},
		"unknown, Expires":        {Request{}, 499, lines{"Expires: " + at(10)}, Stored, 0},
		"unknown, must-underst.":  {Request{}, 599, lines{"Cache-Control: max-age=60, no-store, must-understand"}, Status, 0},
		"known, must-understand":  {Request{}, 200, lines{"Cache-Control: max-age=60, no-store, must-understand"}, Stored, 0},
		"must-understand private": {Request{}, 200, lines{"Cache-Control: max-age=60, private, must-understand"}, Private, 0},
		"targeted no-store":       {Request{}, 200, lines{fresh, "CDN-Cache-Control: no-store"}, NoStore, 0},
		"targeted private":        {Request{}, 200, lines{fresh, "CDN-Cache-Control: private"}, Private, 0},
		"targeted private list":   {Request{}, 200, lines{`CDN-Cache-Control: private="x-a", max-age=1`}, Stored, 0},
		"targeted private token":  {Request{}, 200, lines{fresh, "CDN-Cache-Control: private=x"}, Stored, 0},
		"targeted over no-store":  {Request{}, 200, lines{"Cache-Control: no-store", "CDN-Cache-Control: max-age=60"}, Stored, 0},
		"broken over no-store":    {Request{}, 200, lines{"Cache-Control: no-store", `CDN-Cache-Control: max-age="60"`}, NoStore, 0},
	} {
		res := Response{Method: "GET", Status: c.status, Fields: append(c.fields, "Date: "+at(0)), RequestAt: t0, ResponseAt: t0}
		v := Judge(c.req, res, Policy{})
		require.Equal(t, c.want.String(), v.Why.String(), name)
		require.Equal(t, c.want == Stored, v.Storable, name)
		if c.strict != c.want && c.want == SetCookie {
			c.want = c.strict
		}
		require.Equal(t, c.want.String(), Judge(c.req, res, Policy{Conformance: true}).Why.String(), name+", conformance")
		res.Method = "HEAD"
		require.Equal(t, Method, Judge(c.req, res, Policy{}).Why, name)
	}
}

// RFC 9110 §15.1; RFC 9111 §4.2.2.
func TestHeuristicallyCacheableStatuses(t *testing.T) {
	cacheable := map[int]bool{200: true, 203: true, 204: true, 300: true, 301: true, 308: true, 404: true, 405: true, 410: true, 414: true, 501: true}
	for status := 200; status < 600; status++ {
		if status == 206 || status == 304 {
			continue
		}
		fields := lines{"Date: " + at(0), "Last-Modified: " + at(-86400)}
		res := Response{Method: "GET", Status: status, Fields: fields, RequestAt: t0, ResponseAt: t0}
		v := Judge(Request{}, res, Policy{})
		require.Equal(t, cacheable[status], v.Storable, status)
		require.Equal(t, cacheable[status], v.Heuristic, status)
		require.Equal(t, cacheable[status], v.Use(0, Directives{}) == Fresh, status)
		res.Fields = append(fields, "Cache-Control: public")
		require.True(t, Judge(Request{}, res, Policy{}).Storable, "%d, public", status)
	}
}

func TestStaleWindows(t *testing.T) {
	defaults := Policy{DefaultSWR: time.Minute, DefaultSIE: hour}
	strict := defaults
	strict.Conformance = true
	for name, c := range map[string]struct {
		fields   []string
		p        Policy
		swr, sie time.Duration
		must     bool
	}{
		"explicit":                      {[]string{"Cache-Control: max-age=1, stale-while-revalidate=2, stale-if-error=3"}, defaults, 2e9, 3e9, false},
		"defaults":                      {[]string{"Cache-Control: max-age=1"}, defaults, time.Minute, hour, false},
		"none":                          {[]string{"Cache-Control: max-age=1"}, Policy{}, 0, 0, false},
		"default beside explicit":       {[]string{"Cache-Control: max-age=1, stale-while-revalidate=2"}, defaults, 2e9, hour, false},
		"refused by zero":               {[]string{"Cache-Control: max-age=1, stale-if-error=0, stale-while-revalidate=0"}, defaults, 0, 0, false},
		"invalid is none":               {[]string{"Cache-Control: max-age=1, stale-if-error=x, stale-while-revalidate"}, defaults, 0, 0, false},
		"no lifetime, no default":       {[]string{"Cache-Control: max-age=0"}, defaults, 0, 0, false},
		"no lifetime, explicit":         {[]string{"Cache-Control: max-age=0, stale-if-error=3"}, defaults, 0, 3e9, false},
		"must-revalidate":               {[]string{"Cache-Control: max-age=1, must-revalidate, stale-while-revalidate=2, stale-if-error=3"}, defaults, 0, 0, true},
		"proxy-revalidate":              {[]string{"Cache-Control: max-age=1, proxy-revalidate, stale-if-error=3"}, defaults, 0, 0, true},
		"no-cache":                      {[]string{"Cache-Control: max-age=1, no-cache, stale-if-error=3"}, defaults, 0, 0, false},
		"s-maxage (§5.2.2.10)":          {[]string{"Cache-Control: s-maxage=1"}, defaults, 0, 0, true},
		"s-maxage and explicit":         {[]string{"Cache-Control: s-maxage=1, stale-while-revalidate=2"}, defaults, 2e9, 0, false},
		"s-maxage and explicit, strict": {[]string{"Cache-Control: s-maxage=1, stale-while-revalidate=2"}, strict, 0, 0, true},
		"targeted":                      {[]string{"Cache-Control: must-revalidate", "CDN-Cache-Control: max-age=1, stale-if-error=3"}, defaults, time.Minute, 3e9, false},
		"largest":                       {[]string{"Cache-Control: max-age=99999999999, stale-if-error=99999999999"}, Policy{}, 0, MaxDelta, false},
	} {
		v := judgeWith(c.p, c.fields...)
		require.Equal(t, []any{c.swr, c.sie, c.must}, []any{v.SWR, v.SIE, v.MustRevalidate}, name)
		require.Equal(t, !c.must && !v.NoCache, v.MayBeStale(), name)
	}
	v := Judge(Request{}, Response{Method: "GET", Status: 503, Fields: lines{"Cache-Control: max-age=1"}, RequestAt: t0, ResponseAt: t0}, defaults)
	require.Zero(t, v.SIE, "an error does not stand in for errors by default")
}

func TestPolicy(t *testing.T) {
	modified := "Last-Modified: " + at(-1000)
	for name, c := range map[string]struct {
		p      Policy
		fields []string
		want   time.Duration
	}{
		"fraction":             {Policy{Heuristic: 0.5}, []string{modified}, 500 * time.Second},
		"off":                  {Policy{Heuristic: -1}, []string{modified}, 0},
		"off, default":         {Policy{Heuristic: -1, DefaultTTL: hour}, []string{modified}, hour},
		"bound of guesses":     {Policy{MaxHeuristic: time.Minute}, []string{modified}, time.Minute},
		"default":              {Policy{DefaultTTL: hour}, nil, hour},
		"default not if told":  {Policy{DefaultTTL: hour}, []string{"Cache-Control: max-age=0"}, 0},
		"default not if zero":  {Policy{DefaultTTL: hour}, []string{"Expires: 0"}, 0},
		"bound":                {Policy{MaxTTL: time.Minute}, []string{"Cache-Control: max-age=3600"}, time.Minute},
		"bound of the default": {Policy{MaxTTL: time.Minute, DefaultTTL: hour}, nil, time.Minute},
		"negative":             {Policy{MaxTTL: -1, DefaultTTL: -1}, nil, 0},
		"absurd":               {Policy{Heuristic: 1e300, MaxHeuristic: 1 << 62}, []string{modified}, MaxDelta},
	} {
		require.Equal(t, c.want, judgeWith(c.p, c.fields...).Lifetime, name)
	}
	v := Judge(Request{}, Response{Method: "GET", Status: 403, Fields: lines{}, ResponseAt: t0}, Policy{DefaultTTL: hour})
	require.Equal(t, Status, v.Why, "the default does not make statuses cacheable")
}

func TestListsAreCanonical(t *testing.T) {
	v := judge("Vary: accept-LANGUAGE, x-b", "Vary: , Accept-Language,X-A", `Cache-Control: max-age=1, no-cache="set-cookie, X-B", private="x-b,etag"`,
		"Cache-Control: immutable, no-transform")
	require.Equal(t, []string{"Accept-Language", "X-A", "X-B"}, v.Vary)
	require.Equal(t, []string{"Etag", "Set-Cookie", "X-B"}, v.Omit)
	require.Equal(t, []bool{false, true, true, true}, []bool{v.NoCache, v.Immutable, v.NoTransform, v.Storable})
}

func TestIsETag(t *testing.T) {
	for s, want := range map[string]bool{`"a"`: true, `W/"a"`: true, `""`: true, `W/""`: true, "\"\xfc\"": true,
		"": false, "a": false, `"`: false, `W/`: false, `W/"`: false, `w/"a"`: false, `W"a"`: false, `W\"a"`: false, `"a"b"`: false, `"a b"`: false} {
		require.Equal(t, want, IsETag(s), s)
	}
}
