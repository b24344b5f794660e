package load

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestReadH1(t *testing.T) {
	for _, c := range []struct {
		name, wire string
		head       bool
		status     int
		bytes      int64
		again      bool
		err        string
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, 200, 3, true, ""},
		{"length twice, equal", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\nabc", false, 200, 3, true, ""},
		{"length twice, different", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", false, 0, 0, false, "content length"},
		{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc", false, 0, 0, false, "content length"},
		{"no reason", "HTTP/1.1 204\r\n\r\n", false, 204, 0, true, ""},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\nA \r\n0123456789\r\n0\r\nT: 1\r\n\r\n", false, 200, 12, true, ""},
		{"chunks beat a length", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, 200, 0, true, ""},
		{"chunk without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", false, 200, 2, false, "end of a chunk"},
		{"chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false, 200, 0, false, "chunk size"},
		{"chunk size beyond", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", false, 200, 0, false, "chunk size"},
		{"to the end", "HTTP/1.1 200 OK\r\n\r\nabcd", false, 200, 4, false, ""},
		{"close", "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", false, 200, 0, false, ""},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false, 200, 0, false, ""},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", true, 200, 0, true, ""},
		{"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", false, 304, 0, true, ""},
		{"interim", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false, 200, 1, true, ""},
		{"interims without end", strings.Repeat("HTTP/1.1 102 P\r\n\r\n", 20), false, 0, 0, false, "interim"},
		{"switch", "HTTP/1.1 101 S\r\n\r\n", false, 101, 0, false, "switched"},
		{"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false, 200, 2, false, "unexpected EOF"},
		{"cut off head", "HTTP/1.1 200 OK\r\nContent-", false, 0, 0, false, "unexpected EOF"},
		{"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", false, 0, 0, false, "status line"},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", false, 0, 0, false, "status line"},
		{"status", "HTTP/1.1 999 X\r\n\r\n", false, 0, 0, false, "not a status"},
		{"field", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", false, 0, 0, false, "field line"},
		{"coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false, 0, 0, false, "transfer coding"},
		{"long line", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 1<<15), false, 0, 0, false, "line of an answer"},
		{"long head", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("a", 1000)+"\r\n", 300), false, 0, 0, false, "head of an answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.wire), iotest.OneByteReader(strings.NewReader(c.wire))} {
				a, again, err := readH1(bufio.NewReaderSize(r, 16<<10), c.head, nil)
				if c.err != "" {
					require.ErrorContains(t, err, c.err)
					require.False(t, again)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, c.status, a.status)
				require.Equal(t, c.bytes, a.bytes)
				require.Equal(t, c.again, again)
			}
		})
	}
}

const aHit = "HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 22:20:22 GMT\r\nContent-Type: application/json\r\n" +
	"ETag: \"abc\"\r\nCache-Status: tokyo-1; hit; ttl=30\r\nContent-Length: 10\r\n\r\n0123456789"

// The client's own cost is the server's noise on a small machine.
func TestReadH1Allocates(t *testing.T) {
	wire := strings.NewReader(aHit)
	r := bufio.NewReaderSize(wire, 16<<10)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		wire.Reset(aHit)
		r.Reset(wire)
		if a, again, err := readH1(r, false, nil); err != nil || !again || a.bytes != 10 {
			panic("not read")
		}
	}))
}

func FuzzReadH1(f *testing.F) {
	f.Add([]byte(aHit), false)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nT: 1\r\n\r\n"), false)
	f.Add([]byte("HTTP/1.1 103 E\r\n\r\nHTTP/1.0 304 N\r\nContent-Length: 3\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, wire []byte, head bool) {
		counted, again, err := readH1(bufio.NewReader(bytes.NewReader(wire)), head, nil)
		kept := &Answer{}
		same, sameAgain, sameErr := readH1(bufio.NewReader(bytes.NewReader(wire)), head, kept)
		if counted.bytes > int64(len(wire)) {
			t.Fatalf("%d bytes of body in %d bytes", counted.bytes, len(wire))
		}
		if err == nil && sameErr == nil && (counted != same || again != sameAgain || int64(len(kept.Body)) != same.bytes || kept.Status != same.status) {
			t.Fatalf("kept %v %v, counted %v %v", same, sameAgain, counted, again)
		}
		if (err == nil) != (sameErr == nil) {
			t.Fatalf("kept: %v, counted: %v", sameErr, err)
		}
	})
}
