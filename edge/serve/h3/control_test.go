package h3

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
)

// frame is one frame on the wire.
func frame(typ uint64, payload string) string {
	b := appendVarint(nil, typ)
	b = appendVarint(b, uint64(len(payload)))
	return string(b) + payload
}

func ints(values ...uint64) string {
	var b []byte
	for _, v := range values {
		b = appendVarint(b, v)
	}
	return string(b)
}

// settings is an ordinary client's.
var settings = frame(frameSettings, ints(settingMaxFieldSection, 16<<10, 0x1, 0, 0x7, 0, 0x21, 77))

// Every rule of RFC 9114 §6.2.1 and §7.2, RFC 9218 §7.2 has its line here, with the
// code that is to be told. 0 is no fault before the stream's end, which is one.
func TestControlStream(t *testing.T) {
	for name, c := range map[string]struct {
		sent string
		code code
	}{
		"nothing":                             {"", codeClosedCritical},
		"settings alone":                      {settings, codeClosedCritical},
		"half a type":                         {"\x40", codeFrame},
		"a type alone":                        {"\x04", codeFrame},
		"half of the settings":                {settings[:5], codeFrame},
		"goaway first":                        {frame(frameGoAway, ints(0)), codeMissingSettings},
		"an unknown frame first":              {frame(0x21, "x") + settings, codeMissingSettings},
		"a priority first":                    {frame(framePriorityUpdate, ints(0)+"u=1"), codeMissingSettings},
		"settings twice":                      {settings + settings, codeFrameUnexpected},
		"a setting twice":                     {frame(frameSettings, ints(6, 1, 6, 1)), codeSettings},
		"an unknown setting twice":            {frame(frameSettings, ints(0x4040, 1, 7, 1, 0x4040, 2)), codeSettings},
		"a setting of HTTP/2, 0":              {frame(frameSettings, ints(0, 1)), codeSettings},
		"a setting of HTTP/2, push":           {frame(frameSettings, ints(2, 0)), codeSettings},
		"a setting of HTTP/2, streams":        {frame(frameSettings, ints(3, 100)), codeSettings},
		"a setting of HTTP/2, window":         {frame(frameSettings, ints(4, 100)), codeSettings},
		"a setting of HTTP/2, frame size":     {frame(frameSettings, ints(5, 100)), codeSettings},
		"extended CONNECT, 2":                 {frame(frameSettings, ints(8, 2)), codeSettings},
		"datagrams, 2":                        {frame(frameSettings, ints(0x33, 2)), codeSettings},
		"an identifier without value":         {frame(frameSettings, ints(6)), codeFrame},
		"half an identifier":                  {frame(frameSettings, "\x40"), codeFrame},
		"half a value":                        {frame(frameSettings, ints(6)+"\x80"), codeFrame},
		"too many settings":                   {frame(frameSettings, ints(counting(2*(maxSettings+1))...)), codeExcessiveLoad},
		"too large settings":                  {ints(frameSettings, maxControl+1), codeExcessiveLoad},
		"data":                                {settings + frame(frameData, "x"), codeFrameUnexpected},
		"headers":                             {settings + frame(frameHeaders, "x"), codeFrameUnexpected},
		"a push promise":                      {settings + frame(framePushPromise, "x"), codeFrameUnexpected},
		"a frame of HTTP/2, priority":         {settings + frame(0x2, "x"), codeFrameUnexpected},
		"a frame of HTTP/2, ping":             {settings + frame(0x6, "x"), codeFrameUnexpected},
		"a frame of HTTP/2, window":           {settings + frame(0x8, "x"), codeFrameUnexpected},
		"a frame of HTTP/2, more":             {settings + frame(0x9, "x"), codeFrameUnexpected},
		"unknown frames":                      {settings + frame(0x21, "abc") + frame(0x40, strings.Repeat("x", 1000)), codeClosedCritical},
		"too large an unknown frame":          {settings + ints(0x21, maxOddSize+1), codeExcessiveLoad},
		"half an unknown frame":               {settings + ints(0x21, 5) + "abc", codeFrame},
		"goaway":                              {settings + frame(frameGoAway, ints(8)) + frame(frameGoAway, ints(8)) + frame(frameGoAway, ints(0)), codeClosedCritical},
		"goaway, rising":                      {settings + frame(frameGoAway, ints(8)) + frame(frameGoAway, ints(9)), codeID},
		"goaway without id":                   {settings + frame(frameGoAway, ""), codeFrame},
		"goaway with more than an id":         {settings + frame(frameGoAway, ints(1, 2)), codeFrame},
		"goaway with half an id":              {settings + frame(frameGoAway, "\x40"), codeFrame},
		"max push":                            {settings + frame(frameMaxPushID, ints(5)) + frame(frameMaxPushID, ints(5)) + frame(frameMaxPushID, ints(500)), codeClosedCritical},
		"max push, falling":                   {settings + frame(frameMaxPushID, ints(5)) + frame(frameMaxPushID, ints(4)), codeID},
		"max push without id":                 {settings + frame(frameMaxPushID, ""), codeFrame},
		"cancel push":                         {settings + frame(frameMaxPushID, ints(5)) + frame(frameCancelPush, ints(1)), codeID},
		"cancel push with too much":           {settings + frame(frameCancelPush, "123456789"), codeFrame},
		"priority":                            {settings + frame(framePriorityUpdate, ints(4)+"u=1, i") + frame(framePriorityUpdate, ints(0)), codeClosedCritical},
		"priority that is no dictionary":      {settings + frame(framePriorityUpdate, ints(4)+"\xff"), codeClosedCritical},
		"priority of a stream of the server":  {settings + frame(framePriorityUpdate, ints(1)+"u=1"), codeID},
		"priority of a stream in one way":     {settings + frame(framePriorityUpdate, ints(2)+"u=1"), codeID},
		"priority of a stream beyond limits":  {settings + frame(framePriorityUpdate, ints(4*2000)+"u=1"), codeID},
		"priority of a stream beyond all":     {settings + frame(framePriorityUpdate, ints(maxVarint-3)+"u=1"), codeID},
		"priority without id":                 {settings + frame(framePriorityUpdate, ""), codeFrame},
		"too large a priority":                {settings + ints(framePriorityUpdate, maxControl+1), codeExcessiveLoad},
		"priority of a push":                  {settings + frame(framePriorityPush, ints(0)+"u=1"), codeID},
		"frames without end":                  {settings + strings.Repeat(frame(0x21, ""), controlBurst+300), codeExcessiveLoad},
		"priorities without end":              {settings + strings.Repeat(frame(framePriorityUpdate, ints(4)+"u=1"), controlBurst+300), codeExcessiveLoad},
		"an endless frame of nothing at last": {settings + frame(0x21, "") + ints(0x21, maxVarint), codeExcessiveLoad},
	} {
		t.Run(name, func(t *testing.T) {
			f := runControl(strings.NewReader(c.sent))
			require.Equal(t, c.code, f.code, f.why)
			require.True(t, f.whole)
		})
	}
}

func counting(n uint64) (v []uint64) {
	for i := range n {
		v = append(v, 100+i)
	}
	return v
}

func runControl(r io.Reader) fault {
	c := &conn{srv: newServer(testConfig(), coreFunc{}, nil)}
	return c.control(&reader{src: r})
}

// FuzzControl: whatever comes, the stream ends in a fault of the connection, and
// nothing larger than a frame is held.
func FuzzControl(f *testing.F) {
	f.Add([]byte(settings))
	f.Add([]byte(settings + frame(framePriorityUpdate, ints(4)+"u=1, i") + frame(frameGoAway, ints(8)) + frame(frameMaxPushID, ints(1))))
	f.Add([]byte(frame(frameSettings, ints(6, 1, 6, 1))))
	f.Add([]byte(settings + frame(0x21, "grease") + frame(frameData, "x")))
	f.Fuzz(func(t *testing.T, sent []byte) {
		if f := runControl(bytes.NewReader(sent)); !f.is() || !f.whole || f.why == "" {
			t.Fatal(f)
		}
	})
}

func TestStreamsOfQPACK(t *testing.T) {
	for name, c := range map[string]struct {
		read func(*reader, func() bool) fault
		sent string
		code code
	}{
		"encoder, closed":              {encoderStream, "", codeClosedCritical},
		"encoder, capacity 0":          {encoderStream, "\x20\x20", codeClosedCritical},
		"encoder, capacity 1":          {encoderStream, "\x21", codeEncoderStream},
		"encoder, capacity 220":        {encoderStream, "\x3f\xbd\x01", codeEncoderStream},
		"encoder, insert static name":  {encoderStream, "\xc0\x01a", codeEncoderStream},
		"encoder, insert dynamic name": {encoderStream, "\x80\x01a", codeEncoderStream},
		"encoder, insert":              {encoderStream, "\x41a\x01b", codeEncoderStream},
		"encoder, duplicate":           {encoderStream, "\x00", codeEncoderStream},
		"decoder, closed":              {decoderStream, "", codeClosedCritical},
		"decoder, cancellations":       {decoderStream, "\x40\x44\x7f\x81\x01", codeClosedCritical},
		"decoder, acknowledgement":     {decoderStream, "\x80", codeDecoderStream},
		"decoder, increment":           {decoderStream, "\x01", codeDecoderStream},
		"decoder, increment of 0":      {decoderStream, "\x00", codeDecoderStream},
		"encoder, too much":            {encoderStream, strings.Repeat("\x20", 2*controlBurst), codeExcessiveLoad},
		"decoder, too much":            {decoderStream, strings.Repeat("\x44", 2*controlBurst), codeExcessiveLoad},
		"decoder, too large an id":     {decoderStream, "\x7f" + strings.Repeat("\xff", 20), codeDecoderStream},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.read(&reader{src: strings.NewReader(c.sent)}, newTestConn().instructions())
			require.Equal(t, c.code, f.code, f.why)
			require.True(t, f.whole)
		})
	}
}

// TestPriorityOfEachRequest: Chromium sends a PRIORITY_UPDATE with each of its requests, of
// which it may make any number in no time.
func TestPriorityOfEachRequest(t *testing.T) {
	const requests = 10 * controlBurst
	var sent strings.Builder
	sent.WriteString(settings)
	for id := range uint64(requests) {
		sent.WriteString(frame(framePriorityUpdate, ints(4*id)+"u=1, i") + frame(framePriorityUpdate, ints(4*id)+"u=2"))
	}
	sent.WriteString(strings.Repeat(frame(0x21, ""), controlBurst))
	var order priorities
	s, now := newControl(&reader{src: strings.NewReader(sent.String())}, &order, 128), time.Now()
	require.False(t, s.frame(now).is())
	for id := range int64(requests) {
		order.accepted(4 * id)
		require.False(t, s.frame(now).is(), id)
		require.False(t, s.frame(now).is(), id)
	}
	var f fault
	for range controlBurst {
		if f = s.frame(now); f.is() {
			break
		}
	}
	require.Equal(t, codeExcessiveLoad, f.code, "what no request pays for")
}

func newTestConn() *conn {
	return newConn(newServer(testConfig(), coreFunc{serve: small}, nil), newFakePeer())
}

// TestWastedRequests: whoever takes back some of many requests, or gets some wrong, is a
// client, whoever does so with most of them is a load.
func TestWastedRequests(t *testing.T) {
	for name, s := range map[string]*fakeStream{
		"taken back": {then: &quic.StreamError{Remote: true}},
		"malformed":  {parts: [][]byte{[]byte(head("GET", "", "x", "y"))}, then: io.EOF},
		"none":       {then: io.EOF},
		"no content": {parts: [][]byte{[]byte(head("POST", "/") + strings.Repeat(frame(frameData, ""), 2*maxOdd))}, then: io.EOF},
	} {
		for every, code := range map[int]code{5: 0, 1: codeExcessiveLoad} {
			c := newTestConn()
			for n := range 20 * wastedBurst {
				str := &fakeStream{parts: [][]byte{[]byte(head("GET", "/"))}, then: io.EOF}
				if n%every == 0 {
					str = &fakeStream{parts: s.parts, then: s.then}
				}
				str.id = quic.StreamID(4 * n)
				c.take(str)
			}
			c.work.Wait()
			require.Equal(t, code, c.peer.(*fakePeer).closed, "%s, one of %d", name, every)
		}
	}
}

// TestStreamsOfUnknownTypes: a client may open some.
func TestStreamsOfUnknownTypes(t *testing.T) {
	for _, sent := range []string{"", "\x21grease"} {
		c := newTestConn()
		for n := range 2 * oddBurst {
			c.uni(&fakeStream{parts: [][]byte{[]byte(sent)}, then: io.EOF})
			if n < oddBurst {
				require.Zero(t, c.peer.(*fakePeer).closed)
			}
		}
		require.Equal(t, codeExcessiveLoad, c.peer.(*fakePeer).closed)
	}
}

func TestAllowanceIsABurstAndARate(t *testing.T) {
	a, now, requests := newAllowance(3, 2, 0.5), time.Now(), int64(0)
	took := func() (n int) {
		for a.take(now, requests) {
			n++
		}
		return n
	}
	require.Equal(t, 3, took())
	now = now.Add(time.Second)
	require.Equal(t, 2, took())
	requests = 5
	require.Equal(t, 2, took(), "and half a one for each request")
	requests = 6
	require.Equal(t, 1, took())
	now, requests = now.Add(time.Hour), 600
	require.Equal(t, 3, took())
}

func TestIntegers(t *testing.T) {
	for _, v := range []uint64{0, 63, 64, 16383, 16384, 1<<30 - 1, 1 << 30, maxVarint} {
		b := appendVarint(nil, v)
		require.Len(t, b, varintLen(v))
		got, n := varint(append(b, 1, 2, 3))
		require.Equal(t, []any{v, len(b)}, []any{got, n})
		for i := range b {
			_, n := varint(b[:i])
			require.Zero(t, n)
		}
	}
}
