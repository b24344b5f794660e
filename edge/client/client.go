package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/letteros/letteredge/edge/adminapi"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// Client speaks to the admin API of one node. Its methods may be called from any
// number of goroutines.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New returns a client of the admin API at admin, "http://host:port"; the scheme
// may be missing. An empty token is none. A nil transport is a new one with the
// standard library's defaults.
func New(admin, token string, transport http.RoundTripper) (*Client, error) {
	given := admin
	bare := !strings.Contains(admin, "://")
	if bare {
		admin = "http://" + admin
	}
	u, err := url.Parse(admin)
	// A word alone is more likely a slip than the name of a host that answers on 80.
	if err != nil || bare && u.Port() == "" || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf(`the admin address must be http://host:port, or host:port, not %.200q`, given)
	}
	if strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, errors.New("the token must be visible ASCII without spaces")
	}
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &Client{
		base: &url.URL{Scheme: u.Scheme, Host: u.Host}, token: token,
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}, nil
}

// Admin is the address of the API.
func (c *Client) Admin() string { return c.base.String() }

// Close gives up the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         any // nil for none
}

// do sends a request and decodes a successful answer into out, unless that is
// nil. It returns the answer's fields.
func (c *Client) do(ctx context.Context, q call, out any) (http.Header, error) {
	res, text, err := c.send(ctx, q)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		return nil, c.refused(res, text)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			return nil, &UnreachableError{c.Admin(), fmt.Errorf("its answer to %s %s is no admin API's: %w", q.method, q.path, err)}
		}
	}
	return res.Header, nil
}

// send carries out the exchange; the answer's body is read and closed.
func (c *Client) send(ctx context.Context, q call) (*http.Response, []byte, error) {
	var body io.Reader
	if q.body != nil {
		text, err := json.Marshal(q.body)
		if err != nil {
			return nil, nil, fmt.Errorf("write request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	target := c.base.String() + q.path
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, q.method, target, body)
	if err != nil {
		return nil, nil, fmt.Errorf("write request: %w", err)
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		var wrapped *url.Error // it repeats method and URL
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, nil, &UnreachableError{c.Admin(), err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = errors.New("its answer is larger than 64 MiB")
	}
	if err != nil {
		return nil, nil, &UnreachableError{c.Admin(), err}
	}
	return res, text, nil
}

// refused turns an answer that is no success into an error.
func (c *Client) refused(res *http.Response, text []byte) error {
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	e := &RefusedError{}
	if mediaType == adminapi.ProblemType && json.Unmarshal(text, &e.Problem) == nil && e.Problem.Status == res.StatusCode {
		return e
	}
	return &UnreachableError{c.Admin(), fmt.Errorf("something there answers %s, but it is no admin API", res.Status)}
}

// list collects all pages of a list, up to most items (0: all).
func list[T any](ctx context.Context, c *Client, path string, most int) ([]T, error) {
	items := []T{}
	for after := ""; ; {
		query := url.Values{}
		if after != "" {
			query.Set("after", after)
		}
		if left := most - len(items); most > 0 && left < 1000 {
			query.Set("limit", fmt.Sprint(left))
		}
		var page adminapi.List[T]
		if _, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query}, &page); err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		next := string(page.Next)
		if next == "" || most > 0 && len(items) >= most {
			return items, nil
		}
		if next == after || len(page.Items) == 0 {
			return nil, &UnreachableError{c.Admin(), fmt.Errorf("its pages of %s do not end", path)}
		}
		after = next
	}
}
