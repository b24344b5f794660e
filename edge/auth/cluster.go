package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// Files of a cluster's folder.
const (
	clusterCAFile  = "cluster-ca.pem"
	clusterKeyFile = "cluster-ca.key"
	keyringFile    = "gossip.key"
)

// nodeLife is how long a node's certificate is good. It is renewed by hand, and
// what it is for is to say who a node is: one that is to be heard no more is
// taken out of the control log, not waited for until it expires.
const nodeLife = 2 * 365 * 24 * time.Hour

// scheme of the URI by which a certificate names its node:
// letteredge://cluster/region/node.
const scheme = "letteredge"

// Cluster is the authority that says which nodes belong to a cluster.
type Cluster struct {
	ca      *Authority
	name    string
	keyring string
}

// OpenCluster reads the CA and the keyring of a cluster in dir (cluster-ca.pem,
// cluster-ca.key, gossip.key), or makes them. A folder of another cluster is an
// error.
func OpenCluster(dir, name string, now func() time.Time) (*Cluster, error) {
	c, err := ReadCluster(dir, name, now)
	if errors.Is(err, fs.ErrNotExist) {
		if err = c.ca.create(filepath.Join(dir, clusterKeyFile)); err != nil {
			err = fmt.Errorf("open cluster %s: %w", name, err)
		}
	}
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.keyring); errors.Is(err, fs.ErrNotExist) {
		if err := WriteKeyring(c.keyring, [][]byte{newGossipKey()}); err != nil {
			return nil, fmt.Errorf("open cluster %s: %w", name, err)
		}
	}
	return c, nil
}

// ReadCluster is OpenCluster, but makes nothing: a CA that is not there is
// fs.ErrNotExist.
func ReadCluster(dir, name string, now func() time.Time) (*Cluster, error) {
	c := &Cluster{name: name, keyring: filepath.Join(dir, keyringFile)}
	c.ca = &Authority{name: "LetterEdge cluster " + name, path: filepath.Join(dir, clusterCAFile), now: now}
	if err := c.ca.open(filepath.Join(dir, clusterKeyFile)); err != nil {
		return c, fmt.Errorf("open cluster %s: %w", name, err)
	}
	if got := c.ca.cert.Subject.CommonName; got != c.ca.name {
		return c, fmt.Errorf("open cluster %s: %s is of %q", name, c.ca.path, got)
	}
	return c, nil
}

// Files of a node's folder, as Equip writes them.
const (
	NodeCAFile      = clusterCAFile
	NodeKeyringFile = keyringFile
	NodeCertFile    = "node.pem"
	NodeKeyFile     = "node.key"
)

// Equip writes to dir all that a node on another machine needs to be one of the
// cluster: its certificate and key, the CA's certificate and the keyring; not the
// CA's key.
func (c *Cluster) Equip(dir, region, node string) error {
	keys, err := ReadKeyring(c.keyring)
	if err != nil {
		return fmt.Errorf("equip %s: %w", node, err)
	}
	if _, _, err := c.Issue(dir, region, node); err != nil {
		return err
	}
	if err := WriteKeyring(filepath.Join(dir, NodeKeyringFile), keys); err != nil {
		return fmt.Errorf("equip %s: %w", node, err)
	}
	if err := writeFile(filepath.Join(dir, NodeCAFile), c.ca.Certificate(), 0o644); err != nil {
		return fmt.Errorf("equip %s: %w", node, err)
	}
	return nil
}

// Path returns the file with the CA's certificate.
func (c *Cluster) Path() string { return c.ca.Path() }

// Keyring returns the file with the keys of the gossip pools.
func (c *Cluster) Keyring() string { return c.keyring }

// Issue writes the certificate of a node to node.pem and node.key in dir.
func (c *Cluster) Issue(dir, region, node string) (certFile, keyFile string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("issue certificate of %s: %w", node, err)
	}
	now := c.ca.now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"LetterEdge"}, CommonName: node},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(nodeLife),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs:                  []*url.URL{nodeURI(gossip.Member{Cluster: c.name, Region: region, Node: node})},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.ca.cert, &key.PublicKey, c.ca.key)
	if err != nil {
		return "", "", fmt.Errorf("issue certificate of %s: %w", node, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", fmt.Errorf("issue certificate of %s: %w", node, err)
	}
	certFile, keyFile = filepath.Join(dir, NodeCertFile), filepath.Join(dir, NodeKeyFile)
	err = os.MkdirAll(dir, 0o700)
	if err == nil {
		err = writeFile(keyFile, pemOf("PRIVATE KEY", keyDER), 0o600)
	}
	if err == nil {
		err = writeFile(certFile, pemOf("CERTIFICATE", der), 0o644)
	}
	if err != nil {
		return "", "", fmt.Errorf("issue certificate of %s: %w", node, err)
	}
	return certFile, keyFile, nil
}

func nodeURI(m gossip.Member) *url.URL {
	return &url.URL{Scheme: scheme, Host: m.Cluster, Path: "/" + m.Region + "/" + m.Node}
}
