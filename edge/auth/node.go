package auth

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// Node is who this process is among the nodes of a cluster: it signs, and says
// whose signature another is. Safe for concurrent use.
type Node struct {
	member gossip.Member
	key    *ecdsa.PrivateKey
	cert   tls.Certificate
	roots  *x509.CertPool
	now    func() time.Time

	foreign, forged atomic.Uint64 // handshakes refused

	mu   sync.Mutex
	seen map[[sha256.Size]byte]peer // guarded by mu
}

var (
	_ gossip.Signer   = (*Node)(nil)
	_ gossip.Verifier = (*Node)(nil)
)

// peer is a certificate that has been checked.
type peer struct {
	member gossip.Member
	key    *ecdsa.PublicKey
	until  time.Time
}

// maxPeers bounds the certificates remembered.
const maxPeers = 4096

// OpenNode reads the files that Cluster.Issue wrote, and the cluster's CA.
func OpenNode(certFile, keyFile, caFile string, now func() time.Time) (*Node, error) {
	n := &Node{now: now, roots: x509.NewCertPool(), seen: map[[sha256.Size]byte]peer{}}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("open node certificate: %w", err)
	}
	if block, _ := pem.Decode(ca); block == nil || !n.roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("open node certificate: %s holds no certificate", caFile)
	}
	if n.cert, err = tls.LoadX509KeyPair(certFile, keyFile); err != nil {
		return nil, fmt.Errorf("open node certificate %s: %w", certFile, err)
	}
	key, ok := n.cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("open node certificate %s: the key must be an ECDSA key", certFile)
	}
	p, err := n.check(n.cert.Leaf)
	if err != nil {
		return nil, fmt.Errorf("open node certificate %s: %w", certFile, err)
	}
	n.member, n.key = p.member, key
	return n, nil
}

// Member returns who the certificate says this node is, with the incarnation 0.
func (n *Node) Member() gossip.Member { return n.member }

// Certificate returns the DER of the certificate.
func (n *Node) Certificate() []byte { return n.cert.Certificate[0] }

// Sign returns an ECDSA signature (ASN.1) of the message's SHA-256.
func (n *Node) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, n.key, sum[:])
}

// Verify tells who signed: see gossip.Verifier.
func (n *Node) Verify(certificate, message, signature []byte) (gossip.Member, error) {
	p, err := n.peer(certificate)
	if err != nil {
		return gossip.Member{}, err
	}
	sum := sha256.Sum256(message)
	if !ecdsa.VerifyASN1(p.key, sum[:], signature) {
		return gossip.Member{}, gossip.ErrForged
	}
	return p.member, nil
}

// peer checks a certificate, or remembers that it has.
func (n *Node) peer(certificate []byte) (peer, error) {
	sum := sha256.Sum256(certificate)
	n.mu.Lock()
	p, known := n.seen[sum]
	n.mu.Unlock()
	if known && n.now().Before(p.until) {
		return p, nil
	}
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return peer{}, fmt.Errorf("%w: the certificate: %w", gossip.ErrForged, err)
	}
	if p, err = n.check(cert); err != nil {
		return peer{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.seen) >= maxPeers {
		clear(n.seen) // all are checked anew: rare, and cheaper than order
	}
	n.seen[sum] = p
	return p, nil
}

// check wants a node's certificate of this cluster.
func (n *Node) check(cert *x509.Certificate) (peer, error) {
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: n.roots, CurrentTime: n.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return peer{}, fmt.Errorf("%w: %w", gossip.ErrForeign, err)
	}
	m, err := memberOf(cert)
	if err != nil {
		return peer{}, fmt.Errorf("%w: %w", gossip.ErrForged, err)
	}
	if n.member.Cluster != "" && m.Cluster != n.member.Cluster {
		return peer{}, fmt.Errorf("%w: %s", gossip.ErrForeign, m.Cluster)
	}
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return peer{}, fmt.Errorf("%w: its key is no ECDSA key", gossip.ErrForged)
	}
	return peer{member: m, key: key, until: cert.NotAfter}, nil
}

// memberOf reads who a certificate names.
func memberOf(cert *x509.Certificate) (gossip.Member, error) {
	if len(cert.URIs) != 1 || cert.URIs[0].Scheme != scheme {
		return gossip.Member{}, errors.New("the certificate names no node")
	}
	u := cert.URIs[0]
	region, node, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	m := gossip.Member{Cluster: u.Host, Region: region, Node: node}
	if !ok || !gossip.ValidNode(region) || !gossip.ValidNode(node) || !gossip.ValidNode(u.Host) {
		return gossip.Member{}, fmt.Errorf("the certificate names %q, which is no node", u)
	}
	return m, nil
}

// PeerOf tells which node is at the other end of a connection that ServerTLS or
// ClientTLS made.
func (n *Node) PeerOf(state *tls.ConnectionState) (gossip.Member, error) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return gossip.Member{}, errors.New("the other end has shown no certificate")
	}
	return memberOf(state.PeerCertificates[0])
}

// ServerTLS returns the configuration of a listener for nodes: whoever shows no
// certificate of this cluster is refused.
func (n *Node) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{n.cert},
		ClientAuth: tls.RequestClientCert, // checked below, and counted: by cluster, not by name
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return n.refused(fmt.Errorf("%w: it shows no certificate", gossip.ErrForeign))
			}
			_, err := n.check(s.PeerCertificates[0])
			return n.refused(err)
		},
	}
}

// ClientTLS returns the configuration of a connection to one node: whoever else
// answers there is refused. "" is any node of the cluster.
func (n *Node) ClientTLS(node string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{n.cert},
		// Nodes are known by the URI in their certificates, wherever they are:
		// VerifyConnection does what is skipped here, and more.
		InsecureSkipVerify: true,
		ServerName:         node,
		VerifyConnection: func(s tls.ConnectionState) error {
			p, err := n.check(s.PeerCertificates[0])
			if err == nil && node != "" && p.member.Node != node {
				err = fmt.Errorf("%w: %s answers in the place of %s", gossip.ErrForged, p.member.Node, node)
			}
			return n.refused(err)
		},
	}
}

// refused counts a handshake that err ends, if it does.
func (n *Node) refused(err error) error {
	switch {
	case errors.Is(err, gossip.ErrForeign):
		n.foreign.Add(1)
	case err != nil:
		n.forged.Add(1)
	}
	return err
}

// Refused counts handshakes with others that ended as they showed no certificate, or
// one of no node of this cluster (foreign), or of another node than the one that was to be
// there (forged).
func (n *Node) Refused() (foreign, forged uint64) { return n.foreign.Load(), n.forged.Load() }
