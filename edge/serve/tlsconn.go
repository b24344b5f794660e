package serve

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/letteros/letteredge/edge/serve/h2"
)

// tlsListener accepts connections over TLS.
type tlsListener struct {
	net.Listener // beneath TLS
	config       *tls.Config
	admission    *admission
	lingering    *lingering
}

// Accept waits for a connection.
func (l tlsListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		client := clientAddr(conn.RemoteAddr())
		if l.admission.enter(client) != nil {
			_ = conn.Close() // to say why would take a handshake
			continue
		}
		beneath := conn
		if wire, ok := beneath.(*h2.Wire); ok {
			beneath = wire.Conn
		}
		tcp := beneath.(*net.TCPConn)
		return &tlsConn{tls.Server(conn, l.config), lingerer{tcp: tcp, client: client, bounds: l.lingering, from: l.admission}}, nil
	}
}

// tlsConn is a connection over TLS: HTTP/1.1, or HTTP/2 if the handshake says so.
type tlsConn struct {
	*tls.Conn
	lingerer
}

// Read is fasthttp's.
func (c *tlsConn) Read(p []byte) (int, error) { return c.fin.read(c.Conn.Read(p)) }

// SetReadDeadline is fasthttp's.
func (c *tlsConn) SetReadDeadline(t time.Time) error { return c.next.readUntil(c.Conn, t) }

// Close closes the connection.
func (c *tlsConn) Close() error {
	c.quit(c.CloseWrite)
	c.leave()
	return c.Conn.Close()
}
