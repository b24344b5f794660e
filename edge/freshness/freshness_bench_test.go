package freshness

import (
	"testing"
	"time"
)

var (
	sinkUse     Use
	sinkVerdict Verdict
	sinkTime    time.Time
)

func BenchmarkHit(b *testing.B) {
	for name, fields := range map[string]Fields{
		"no directives": lines{"Accept: */*"},
		"reload":        lines{"Cache-Control: max-age=0"},
	} {
		b.Run(name, func(b *testing.B) {
			var s Scratch
			v := Terms{Lifetime: time.Hour, InitialAge: time.Second}
			b.ReportAllocs()
			for b.Loop() {
				sinkUse = v.Use(v.Age(time.Minute), ParseRequest(fields, true, &s))
			}
		})
	}
}

func BenchmarkJudge(b *testing.B) {
	for name, control := range map[string]string{
		"Cache-Control":     "Cache-Control: public, max-age=60, stale-while-revalidate=30",
		"CDN-Cache-Control": "CDN-Cache-Control: public, max-age=60, stale-while-revalidate=30",
	} {
		b.Run(name, func(b *testing.B) {
			res := Response{Method: "GET", Status: 200, Fields: lines{"Date: " + at(0), control, "Vary: Accept-Encoding", `Etag: "a"`}, RequestAt: t0, ResponseAt: t0}
			b.ReportAllocs()
			for b.Loop() {
				sinkVerdict = Judge(Request{}, res, Policy{})
			}
		})
	}
}

func BenchmarkParseDate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		sinkTime, _ = ParseDate("Sun, 06 Nov 1994 08:49:37 GMT", t0)
	}
}
