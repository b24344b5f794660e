package serve

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/edge/edgetest"
)

// recorded is a connection that notes the length of each TLS record that comes.
type recorded struct {
	net.Conn
	mu      sync.Mutex
	pending []byte
	lengths []int
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = append(r.pending, p[:n]...)
	for len(r.pending) >= 5 {
		length := int(binary.BigEndian.Uint16(r.pending[3:]))
		if len(r.pending) < 5+length {
			break
		}
		r.lengths = append(r.lengths, length)
		r.pending = r.pending[5+length:]
	}
	return n, err
}

// since are the records that have come after so many.
func (r *recorded) since(n int) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int{}, r.lengths[n:]...)
}

// TestRecordsSuitAnswers: a small answer over HTTP/2 is one TLS record, a batch of them
// is few, a large one ends in records of the largest size; and until a connection has
// carried much, none is larger than what fits one packet of TCP times their number so
// far: a client decodes the first as soon as a first packet is there.
func TestRecordsSuitAnswers(t *testing.T) {
	const large = 300_000
	art := edgetest.Artifact(t, strings.Repeat("0123456789", large/10), "Content-Type", "text/plain", "Etag", `"x"`)
	rig := start(t, mixed{art}, func(c *Config) { c.H2 = Lean; c.Plain = "" })
	var raw *recorded
	tr := &http.Transport{
		Protocols: new(http.Protocols), DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: rig.roots},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			raw = &recorded{Conn: conn}
			return raw, err
		},
	}
	tr.Protocols.SetHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	client := &http.Client{Transport: tr}
	get := func(size int) {
		res, err := client.Get(fmt.Sprintf("https://localhost:%d/hit/%d", rig.Addrs().Secure.Port(), size))
		if err == nil {
			var n int64
			n, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if err == nil && n != int64(size) {
				err = fmt.Errorf("%d bytes of %d", n, size)
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	get(1) // whatever belongs to the beginning of a connection has come with it
	const mss, overhead = 1208, 22
	for i, n := range raw.since(0) {
		require.LessOrEqual(t, n, (i+1)*mss+overhead, "record %d of a new connection", i)
	}

	for range 20 {
		before := len(raw.since(0))
		get(890)
		records := raw.since(before)
		require.Len(t, records, 1)
		require.InDelta(t, 890+9+9, records[0], 150)
	}

	before := len(raw.since(0))
	get(large)
	records := raw.since(before)
	require.LessOrEqual(t, len(records), 60, "%v", records)
	require.Greater(t, records[len(records)/2], 8<<10, "%v", records)
	before = len(raw.since(0))
	get(large)
	records = raw.since(before)
	require.LessOrEqual(t, len(records), large/(16<<10)+3, "%v", records)
	full := 0
	for _, n := range records {
		require.LessOrEqual(t, n, 16<<10+overhead)
		if n > 16<<10 {
			full++
		}
	}
	require.GreaterOrEqual(t, full, large/(16<<10)/2, "%v", records)
}
