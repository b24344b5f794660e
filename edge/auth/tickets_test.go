package auth

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ticketNode is a server that seals with a region's keys at some time.
type ticketNode struct {
	secret, region string
	now            time.Time
}

// resumes connects to one node and then, with its ticket, to another.
func resumes(t *testing.T, first, second ticketNode, version uint16) bool {
	t.Helper()
	ca, err := OpenAuthority(t.TempDir(), time.Now)
	require.NoError(t, err)
	certs, err := Issued(ca, nil, nil)
	require.NoError(t, err)
	leaf, err := certs.GetCertificate(&tls.ClientHelloInfo{})
	require.NoError(t, err)
	roots := x509.NewCertPool()
	root, err := x509.ParseCertificate(leaf.Certificate[len(leaf.Certificate)-1])
	require.NoError(t, err)
	roots.AddCert(root)
	client := &tls.Config{RootCAs: roots, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4), MaxVersion: version}
	var resumed bool
	for _, n := range []ticketNode{first, second} {
		tickets, err := NewTickets([]byte(n.secret), n.region, func() time.Time { return n.now })
		require.NoError(t, err)
		server := &tls.Config{GetCertificate: certs.GetCertificate}
		tickets.Use(server)
		resumed = resumedBy(t, client, server.Clone())
	}
	return resumed
}

func resumedBy(t *testing.T, client, server *tls.Config) bool {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte("hello")) // what the client does not get it misses
			_ = c.Close()
		}
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	c := tls.Client(nc, client)
	_, err = io.ReadAll(c) // the ticket of TLS 1.3 comes after the handshake
	require.NoError(t, err)
	<-done
	return c.ConnectionState().DidResume
}

func TestTickets(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	here := ticketNode{"a secret of the cluster", "frankfurt", at}
	for name, c := range map[string]struct {
		second  ticketNode
		resumes bool
	}{
		"another node":          {here, true},
		"the next period":       {ticketNode{here.secret, here.region, at.Add(ticketPeriod)}, true},
		"a clock that is ahead": {ticketNode{here.secret, here.region, at.Add(-ticketPeriod)}, true},
		"two periods later":     {ticketNode{here.secret, here.region, at.Add(2 * ticketPeriod)}, false},
		"another region":        {ticketNode{here.secret, "tokyo", at}, false},
		"another secret":        {ticketNode{"a secret of another one", here.region, at}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.resumes, resumes(t, here, c.second, tls.VersionTLS13))
			require.Equal(t, c.resumes, resumes(t, here, c.second, tls.VersionTLS12))
		})
	}
	_, err := NewTickets([]byte("short"), "r", time.Now)
	require.ErrorContains(t, err, "must have 16 bytes")
}
