package main

import (
	"crypto/tls"
	"time"

	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/serve"
)

// makeData makes the three transports.
func (n *node) makeData() (err error) {
	l := n.cfg.Limits
	c := serve.Config{
		Plain: n.cfg.Listen.HTTP, Secure: n.cfg.Listen.TLS,
		H2: serve.Stack(n.cfg.Transport.H2), H3: serve.Stack(n.cfg.Transport.H3),
		MaxHeaderBytes: int(l.HeaderBytes.Bytes()), MaxBody: l.BodyBytes.Bytes(),
		MaxConns: l.Connections, MaxConnsPerIP: l.ConnectionsPerIP, MaxStreams: l.Streams,
		HeaderTimeout: l.ReadTimeout.Std(), BodyTimeout: l.ReadTimeout.Std(),
		WriteTimeout: l.WriteTimeout.Std(), IdleTimeout: l.IdleTimeout.Std(),
	}
	if c.Secure != "" {
		if err := n.certificates(); err != nil {
			return err
		}
		c.TLS = &tls.Config{GetCertificate: n.certs.GetCertificate}
		if err := n.tickets(c.TLS); err != nil {
			return err
		}
		if c.Keys, err = quicKeys(n.cfg.State.Dir); err != nil {
			return err
		}
	}
	n.data, err = serve.New(c, n.core, n.log)
	return err
}

// certificates opens the configured certificate, or the node's own CA.
func (n *node) certificates() (err error) {
	if n.cfg.TLS.Cert != "" {
		n.caFile = n.cfg.TLS.CA
		n.certs, err = auth.FromFiles(n.cfg.TLS.Cert, n.cfg.TLS.Key, time.Now, n.log)
		return err
	}
	ca, err := auth.OpenAuthority(n.cfg.State.Dir, time.Now)
	if err != nil {
		return err
	}
	n.caFile = ca.Path()
	n.certs, err = auth.Issued(ca, n.cfg.TLS.Names, n.log)
	return err
}

// tickets lets readers resume on any node of the region.
func (n *node) tickets(c *tls.Config) error {
	secret, err := ticketSecret(n.cfg.Cluster.Keyring, n.cfg.State.Dir)
	if err != nil {
		return err
	}
	tickets, err := auth.NewTickets(secret, n.cfg.Node.Region, time.Now)
	if err != nil {
		return err
	}
	tickets.Use(c)
	return nil
}
