package freshness

import (
	"net/textproto"
	"strings"
	"time"
)

// lines is a header section of "Name: value" lines.
type lines []string

func (l lines) Get(name string) string {
	for _, line := range l {
		if n, v, _ := strings.Cut(line, ":"); textproto.CanonicalMIMEHeaderKey(n) == name {
			return strings.Trim(v, " \t")
		}
	}
	return ""
}

func (l lines) Each(name string, yield func(string) bool) {
	for _, line := range l {
		if n, v, _ := strings.Cut(line, ":"); textproto.CanonicalMIMEHeaderKey(n) == name {
			if !yield(strings.Trim(v, " \t")) {
				return
			}
		}
	}
}

// t0 is when responses arrive in these tests.
var t0 = time.Date(2026, 11, 23, 12, 0, 0, 500e6, time.UTC)

// at is the HTTP-date that many seconds after t0.
func at(seconds int) string {
	return t0.Add(time.Duration(seconds) * time.Second).Format("Mon, 02 Jan 2006 15:04:05 GMT")
}

// judge gives the verdict on a 200 to GET with a Date of now and the fields.
func judge(fields ...string) Verdict { return judgeWith(Policy{}, fields...) }

func judgeWith(p Policy, fields ...string) Verdict {
	return Judge(Request{}, Response{Method: "GET", Status: 200, Fields: lines(append([]string{"Date: " + at(0)}, fields...)),
		RequestAt: t0, ResponseAt: t0}, p)
}
