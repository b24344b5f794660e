package abuse

import (
	"context"
	"strings"
)

// ControlFloods are that many frames of the control stream that ask for nothing.
func ControlFloods(frames int) []H3 {
	flood := func(name, one string) H3 {
		return H3{name, func(ctx context.Context, c *Conn) (*Stream, error) {
			str, err := c.OpenUni(ctx, controlStream+settings())
			if err != nil {
				return nil, err
			}
			_, _ = str.Write([]byte(strings.Repeat(one, frames))) // the connection may end within
			return str, nil
		}}
	}
	return []H3{
		flood("priorities", frame(framePriorityUpdate, ints(0)+"u=1")),
		flood("early priorities", frame(framePriorityUpdate, ints(4*100)+"u=1")),
		flood("unknown frames", frame(frameUnknown, "")),
		flood("push ids", frame(frameMaxPushID, ints(7))),
		flood("goaway", frame(frameGoAway, ints(0))),
	}
}

// Resets are requests that are taken back at once, until the server ends the
// connection, or that many.
func Resets(requests int) H3 {
	return H3{"rapid reset", func(ctx context.Context, c *Conn) (*Stream, error) {
		sent := request("GET", "/miss")
		for range requests {
			str, err := c.Open(ctx, sent)
			switch {
			case endedByServer(err):
				return nil, nil
			case err != nil:
				return nil, err
			}
			str.Reset(requestCancelled)
		}
		return nil, nil
	}}
}

// UnknownStreams opens streams in one direction whose type nobody knows, until the server
// ends the connection, or that many.
func UnknownStreams(streams int) H3 {
	return H3{"unknown streams", func(ctx context.Context, c *Conn) (*Stream, error) {
		for range streams {
			str, err := c.OpenUni(ctx, unknownStream+strings.Repeat("x", 500))
			switch {
			case endedByServer(err):
				return nil, nil
			case err != nil:
				return nil, err
			}
			_ = str.Finish() // it may have been stopped unread
		}
		return nil, nil
	}}
}

// EmptyFrames sends that many frames without content within an upload, and the same
// of a type that nobody knows.
func EmptyFrames(frames int) []H3 {
	upload := func(name, one string) H3 {
		return H3{name, func(ctx context.Context, c *Conn) (*Stream, error) {
			str, err := c.Open(ctx, request("POST", "/up"))
			if err != nil {
				return nil, err
			}
			_, _ = str.Write([]byte(strings.Repeat(one, frames))) // the stream may be reset within
			return str, nil
		}}
	}
	return []H3{upload("empty data", frame(frameData, "")), upload("unknown frames in a request", frame(frameUnknown, ""))}
}

// HeaderBombs are sections of small size that come to much: references to the largest
// line of the static table, Huffman strings, empty lines. Their names are what they are
// made of.
func HeaderBombs() map[string]string {
	const contentSecurityPolicy = "\xff\x16" // index 85
	whole := func(payload string) string {
		return frame(frameHeaders, section(":method", "GET")+strings.TrimPrefix(payload, "\x00\x00"))
	}
	return map[string]string{
		"indexed": whole(strings.Repeat(contentSecurityPolicy, 15<<10)),
		"huffman": whole(section("a", strings.Repeat("0", 45<<10))),
		"empty":   whole(strings.Repeat("\x50\x00", 15<<10)),
	}
}

// Bombs sends each of the HeaderBombs that many times.
func Bombs(each int) H3 {
	return H3{"QPACK bombs", func(ctx context.Context, c *Conn) (last *Stream, err error) {
		for range each {
			for _, sent := range HeaderBombs() {
				if last, err = c.Open(ctx, sent); err != nil {
					return nil, err
				}
				_ = last.Finish() // it may be refused before its end
			}
		}
		return last, nil
	}}
}
