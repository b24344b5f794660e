package serve

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge"
)

// hinting tells the reader of two interim responses, where it can be told, and of
// the target in the final one.
func hinting(_ context.Context, x *edge.Exchange) {
	if x.Informer != nil {
		x.Informer.Inform(102, nil)
		x.Informer.Inform(103, []edge.Field{
			{Name: "Link", Value: "</a>"}, {Name: "Link", Value: "</b>"}, {Name: "X-Hint", Value: strings.Clone(x.Req.Target)},
			{Name: "Content-Length", Value: "7"}, {Name: "Transfer-Encoding", Value: "chunked"}, {Name: "Connection", Value: "close"},
		})
	}
	x.Rep.Status, x.Rep.Body = 200, []byte(x.Req.Target)
	x.Rep.Length = int64(len(x.Rep.Body))
}

func TestInterimResponses(t *testing.T) {
	r := start(t, coreFunc(hinting))
	r.over(t, func(t *testing.T, c client) {
		var seen []int
		var link []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
			seen = append(seen, status)
			link = h["Link"]
			for _, name := range []string{"Content-Length", "Transfer-Encoding", "Connection"} {
				require.NotContains(t, h, name)
			}
			return nil
		}}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", c.base+"/x", nil)
		require.NoError(t, err)
		resp, err := c.Do(req)
		require.NoError(t, err)
		content, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, []int{102, 103}, seen)
		require.Equal(t, []string{"</a>", "</b>"}, link)
		require.Equal(t, "/x", string(content))
		require.NotContains(t, resp.Header, "Link")
		require.NotContains(t, resp.Header, "X-Hint")
	})
}

// fasthttp keeps an answer back while the next request is there already: what went
// past its buffer would stand within that answer, or before it.
func TestInterimResponsesAndPipelines(t *testing.T) {
	r := start(t, coreFunc(hinting), func(c *Config) { c.Secure = "" })
	conn := r.raw(t)
	_, err := io.WriteString(conn, "GET /"+strings.Repeat("a", 9000)+" HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	from := bufio.NewReader(conn)
	for _, want := range []string{"/" + strings.Repeat("a", 9000), "/b", "/c"} {
		for {
			resp, err := http.ReadResponse(from, nil)
			require.NoError(t, err)
			content, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			if resp.StatusCode == 103 {
				require.Equal(t, want, resp.Header.Get("X-Hint"))
			}
			if resp.StatusCode == 200 {
				require.Equal(t, want, string(content))
				break
			}
		}
	}
	_, err = from.ReadByte()
	require.Equal(t, io.EOF, err)
}

// HTTP/1.0 knows of no interim responses (RFC 9110 §15.2).
func TestNoInterimResponsesOnHTTP10(t *testing.T) {
	r := start(t, coreFunc(hinting), func(c *Config) { c.Secure = "" })
	answers, _ := r.exchange(t, "GET /a HTTP/1.0\r\nHost: a\r\n\r\n")
	require.Len(t, answers, 1)
	require.Equal(t, 200, answers[0].StatusCode)
}
