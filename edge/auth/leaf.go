package auth

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
)

// WriteLeaf issues a certificate for localhost, 127.0.0.1, ::1 and names, for
// another process, and writes it to cert.pem and key.pem in dir.
func (a *Authority) WriteLeaf(dir string, names ...string) (certFile, keyFile string, err error) {
	leaf, err := a.issue(append([]string{"localhost", "127.0.0.1", "::1"}, names...))
	if err != nil {
		return "", "", err
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		return "", "", fmt.Errorf("issue certificate: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", fmt.Errorf("issue certificate: %w", err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := writeFile(keyFile, pemOf("PRIVATE KEY", key), 0o600); err != nil {
		return "", "", fmt.Errorf("issue certificate: %w", err)
	}
	if err := writeFile(certFile, pemOf("CERTIFICATE", leaf.Certificate[0]), 0o644); err != nil {
		return "", "", fmt.Errorf("issue certificate: %w", err)
	}
	return certFile, keyFile, nil
}
