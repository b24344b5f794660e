package abuse

import (
	"context"
	"strings"
)

// streamsOf opens that many streams, which each say the same, and are left so.
func streamsOf(name string, streams int, sent string, finish bool) H3 {
	return H3{name, func(ctx context.Context, c *Conn) (last *Stream, err error) {
		for range streams {
			if last, err = c.Open(ctx, sent); err != nil {
				return nil, err
			}
			if !finish {
				continue
			}
			if err := last.Finish(); err != nil {
				return nil, err
			}
		}
		return last, nil
	}}
}

// StalledHeaders are header sections that do not end.
func StalledHeaders(streams int) H3 {
	return streamsOf("stalled headers", streams, ints(frameHeaders, 30<<10)+strings.Repeat("x", 28<<10), false)
}

// StalledContent are uploads that do not go on.
func StalledContent(streams int) H3 {
	const length = 100_000
	return streamsOf("stalled content", streams, request("POST", "/up", "content-length", "100000")+ints(frameData, length)+"abc", false)
}

// SlowReaders ask for what they do not read.
func SlowReaders(streams int, target string) H3 {
	return streamsOf("slow readers", streams, request("GET", target), true)
}

// Trailing is a GET, which needs no more, with data that goes on behind it: to a
// stream that the server has done with.
func Trailing(frames int) H3 {
	return H3{"data behind an answer", func(ctx context.Context, c *Conn) (*Stream, error) {
		str, err := c.Open(ctx, request("GET", "/page"))
		if err != nil {
			return nil, err
		}
		for range frames {
			if _, err := str.Write([]byte(frame(frameData, "more"))); err != nil {
				break // stopped, as it may be
			}
		}
		return str, nil
	}}
}

// EmptyStreams opens that many streams and says something on the last only, which
// opens all before it.
func EmptyStreams(streams int) H3 {
	return H3{"empty streams", func(ctx context.Context, c *Conn) (*Stream, error) {
		for range streams - 1 {
			if _, err := c.Open(ctx, ""); err != nil {
				return nil, err
			}
		}
		last, err := c.Open(ctx, request("GET", "/"))
		if err != nil {
			return nil, err
		}
		return last, last.Finish()
	}}
}
