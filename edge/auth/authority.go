package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityFile = "ca.pem"
	keyFile       = "ca.key"

	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 90 * 24 * time.Hour
	// backdate lets clients whose clocks run behind accept a new certificate.
	backdate = 5 * time.Minute
)

// Authority is a certificate authority: an ECDSA P-256 key and a self-signed
// certificate.
type Authority struct {
	name string // the common name
	path string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	now  func() time.Time
}

// OpenAuthority reads the CA in dir (ca.pem, ca.key). Where there is none, or
// one that has not the life of a leaf left, it makes a new one. A CA that is
// there and cannot be used is an error, never replaced.
func OpenAuthority(dir string, now func() time.Time) (*Authority, error) {
	a := &Authority{name: "LetterEdge node CA", path: filepath.Join(dir, authorityFile), now: now}
	err := a.open(filepath.Join(dir, keyFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && now().Add(leafLife).After(a.cert.NotAfter) {
		err = a.create(filepath.Join(dir, keyFile))
	}
	return a, err
}

// open reads the CA. There is none if its certificate is not there: what create
// writes last.
func (a *Authority) open(keyFile string) error {
	certPEM, err := os.ReadFile(a.path)
	if err != nil {
		return fmt.Errorf("open CA: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		// Not %w: a certificate without its key is no CA that is not there.
		return fmt.Errorf("open CA: the key of %s: %v", a.path, err)
	}
	if err := a.parse(certPEM, keyPEM); err != nil {
		return fmt.Errorf("open CA %s: %w", a.path, err)
	}
	return nil
}

// Path returns the file that clients should trust.
func (a *Authority) Path() string { return a.path }

// Certificate returns the CA's certificate in PEM.
func (a *Authority) Certificate() []byte { return pemOf("CERTIFICATE", a.cert.Raw) }

func (a *Authority) parse(certPEM, keyPEM []byte) error {
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return errors.New("is not a CA with an ECDSA key")
	}
	a.cert, a.key = pair.Leaf, key
	return nil
}

// create makes a new CA. The key is written first: a crash in between leaves a
// key without a certificate, which the next start replaces.
func (a *Authority) create(keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	now := a.now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"LetterEdge"}, CommonName: a.name},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	a.key = key
	if err := os.MkdirAll(filepath.Dir(keyFile), 0o700); err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	if err := writeFile(keyFile, pemOf("PRIVATE KEY", keyDER), 0o600); err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	if err := writeFile(a.path, a.Certificate(), 0o644); err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	return nil
}

// issue makes a leaf for names, which are DNS names or IP addresses.
func (a *Authority) issue(names []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	now := a.now()
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{Organization: []string{"LetterEdge"}, CommonName: names[0]},
		NotBefore:    now.Add(-backdate),
		// Backdating counts: 90 days are the whole life.
		NotAfter:              now.Add(leafLife - backdate),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// serial returns a random serial number of 127 bits: positive, and unique
// without a register (RFC 5280 §4.1.2.2).
func serial() *big.Int {
	var raw [16]byte
	rand.Read(raw[:]) // never fails: crypto/rand
	raw[0] &= 0x7f
	return new(big.Int).SetBytes(raw[:])
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
