package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/letteros/letteredge/edge"
	"github.com/letteros/letteredge/edge/edgetest"
)

// ordered answers what its target orders: /way/size/which. Hits are answered by
// Begin, all else by Finish. An answer tells what request it is to, and no two
// contents are alike anywhere, so that nothing can pass for what belongs to another
// stream, or to another place of the same.
type ordered struct{ stored map[string]*edge.Artifact }

// orderSizes cross the bounds at which answers are written in other ways.
var orderSizes = []int{0, 1, 1000, 1300, 1500, 5000, 16 << 10, 21 << 10, 100 << 10, 300 << 10}

// orderedOf is how many different contents there are of a size.
const orderedOf = 3

func newOrdered(t testing.TB) *ordered {
	o := &ordered{stored: map[string]*edge.Artifact{}}
	for _, n := range orderSizes {
		for which := range orderedOf {
			named := fmt.Sprintf("%d/%d", n, which)
			o.stored[named] = edgetest.Artifact(t, contentOf(named, n), "Content-Type", "text/plain", "Date", originDate,
				"Etag", fmt.Sprintf("%q", named), "Vary", "Accept", "X-Many", "a", "X-Many", "b")
		}
	}
	return o
}

// contentOf is content of a name, of lines that each tell the name and their place.
func contentOf(name string, n int) string {
	sum := sha256.Sum256([]byte(name))
	b := make([]byte, 0, n+32)
	for len(b) < n {
		b = strconv.AppendInt(hex.AppendEncode(b, sum[:4]), int64(len(b)), 36)
		b = append(b, '\n')
	}
	return string(b[:n])
}

func (o *ordered) Begin(x *edge.Exchange) bool {
	if !strings.HasPrefix(x.Req.Target, "/hit/") || x.Req.Body != nil {
		return false
	}
	o.Serve(context.Background(), x)
	return true
}

func (o *ordered) Finish(ctx context.Context, x *edge.Exchange) { o.Serve(ctx, x) }

func (o *ordered) Serve(ctx context.Context, x *edge.Exchange) {
	var n int
	way, rest, _ := strings.Cut(strings.TrimPrefix(x.Req.Target, "/"), "/")
	_, _ = fmt.Sscanf(rest, "%d", &n)
	content := contentOf(x.Req.Target, n)
	rep := &x.Rep
	rep.Extra.Add("X-Asked", asked(x))
	rep.Status, rep.Length = 200, int64(n)
	stream := func(from io.Reader, length int64) {
		rep.Passed = edgetest.Lines("Content-Type", "text/plain", "Set-Cookie", "a=1", "Set-Cookie", "b=2")
		rep.Stream, rep.Length = io.NopCloser(from), length
	}
	switch way {
	case "hit":
		o.hit(x, rest)
	case "stream":
		stream(strings.NewReader(content), int64(n))
	case "pieces":
		stream(&chunks{pieces(content)}, -1)
	case "trailed":
		stream(strings.NewReader(content), -1)
		rep.Announced = []string{"X-Sum", "X-Late", "X-None"}
		rep.Trailer = func() []edge.Field {
			return edgetest.Lines("X-Sum", fmt.Sprint(n), "X-Late", "a", "X-Late", rest)
		}
	case "early":
		if x.Informer != nil {
			x.Informer.Inform(103, edgetest.Lines("Link", "</"+rest+">; rel=preload", "Link", "</b>"))
			x.Informer.Inform(103, edgetest.Lines("X-Second", rest))
		}
		rep.Body = []byte(content)
	case "broken":
		stream(io.MultiReader(strings.NewReader(content), iotest.ErrReader(errors.New("the origin has gone"))), -1)
	case "short":
		stream(strings.NewReader(content), int64(n)+1)
	case "long":
		stream(strings.NewReader(content+"more"), int64(n))
	case "hang":
		<-ctx.Done()
		rep.Status, rep.Length = 499, 0
	case "status":
		rep.Status, rep.Body, rep.Length = n, []byte("status "+rest), int64(len("status "+rest))
		rep.Passed = edgetest.Lines("X-Reason", rest)
	default:
		rep.Passed = edgetest.Lines("Content-Type", "text/html", "Set-Cookie", "a=1", "Set-Cookie", "b=2", "Date", originDate)
		rep.Body = []byte(content)
	}
	if x.Req.Method == edge.MethodHead {
		rep.Body = nil
		rep.Stream = nil
	}
}

// hit answers from what is stored: all of it, a part, two parts, or none.
func (o *ordered) hit(x *edge.Exchange, named string) {
	rep := &x.Rep
	rep.Art = o.stored[named]
	whole := rep.Art.Body
	rep.Body = whole
	rep.Extra.Add("Age", []byte("3"))
	rep.Extra.Add("Cache-Status", []byte("n; hit"))
	part := x.Req.Fields.Get("Range")
	switch {
	case x.Req.Fields.Get("If-None-Match") != "":
		rep.Status, rep.Body = 304, nil
	case part == "" || len(whole) < 1000:
	case strings.Contains(part, ","):
		rep.Status, rep.Skip = 206, edge.SkipType
		rep.Extra.Add("Content-Type", []byte("multipart/byteranges; boundary=b"))
		rep.Body = slices.Concat([]byte("--b\r\n\r\n"), whole[:10], []byte("\r\n--b\r\n\r\n"), whole[20:], []byte("\r\n--b--\r\n"))
	default:
		from, to := len(whole)/4, len(whole)/2
		rep.Status, rep.Body = 206, whole[from:to]
		rep.Extra.Add("Content-Range", fmt.Appendf(nil, "bytes %d-%d/%d", from, to-1, len(whole)))
	}
	rep.Length = int64(len(rep.Body))
}

// asked is what a core sees of a request, its content included.
func asked(x *edge.Exchange) []byte {
	var lines []string
	for name, value := range x.Req.Fields.All {
		lines = append(lines, strings.ToLower(name)+": "+value)
	}
	slices.Sort(lines) // the stock stacks have them in no order
	host, _, _ := strings.Cut(x.Req.Host, ":")
	fmt.Fprint(sink{&lines}, x.Req.MethodText, host, x.Req.Target, x.Req.Fields.Combined("Cookie"), x.Req.Fields.Combined("X-Many"))
	if x.Req.Body != nil {
		sum := sha256.New()
		n, err := io.Copy(sum, x.Req.Body)
		fmt.Fprint(sink{&lines}, x.Req.Length, n, err, sum.Sum(nil))
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return fmt.Appendf(nil, "%d lines, %x", len(lines), sum[:6])
}

// sink takes what is printed as a line.
type sink struct{ lines *[]string }

func (s sink) Write(p []byte) (int, error) {
	*s.lines = append(*s.lines, string(p))
	return len(p), nil
}

// pieces are content as it may come: a byte, and ever more.
func pieces(content string) (all []string) {
	for n := 1; len(content) > 0; n *= 5 {
		part := content[:min(n, len(content))]
		all, content = append(all, part), content[len(part):]
	}
	return all
}
