package auth

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAuthenticate(t *testing.T) {
	tokens, err := NewTokens([]Token{
		{Name: "ci", Hash: HashToken("s3cret"), Scopes: []Scope{ScopePurges}},
		{Name: "root", Hash: HashToken("t0p"), Scopes: []Scope{ScopeAdmin}},
	})
	require.NoError(t, err)

	for _, c := range []struct {
		field, name string
		err         error
	}{
		{"Bearer s3cret", "ci", nil},
		{"bearer s3cret", "ci", nil}, // schemes are case-insensitive (RFC 9110 §11.1)
		{"Bearer  s3cret ", "ci", nil},
		{"Bearer t0p", "root", nil},
		{"", "", ErrNoToken},
		{"Bearer", "", ErrBadToken},
		{"Bearer ", "", ErrBadToken},
		{"Bearer S3cret", "", ErrBadToken},
		{"Basic s3cret", "", ErrBadToken},
		{"s3cret", "", ErrBadToken},
		{"Bearer " + strings.Repeat("x", maxAuthorization), "", ErrBadToken},
		{"Bearer " + HashToken("s3cret").String(), "", ErrBadToken},
	} {
		p, err := tokens.Authenticate(c.field)
		require.ErrorIs(t, err, c.err, c.field)
		require.Equal(t, c.name, p.Name, c.field)
	}

	ci, err := tokens.Authenticate("Bearer s3cret")
	require.NoError(t, err)
	root, err := tokens.Authenticate("Bearer t0p")
	require.NoError(t, err)
	for _, s := range Scopes() {
		require.True(t, root.Allows(s), s)
		require.Equal(t, s == ScopePurges || s == ScopeRead, ci.Allows(s), s)
		require.False(t, Principal{}.Allows(s), s)
	}
}

func TestNobodyIsKnownToNoTokens(t *testing.T) {
	var none Tokens
	_, err := none.Authenticate("Bearer x")
	require.ErrorIs(t, err, ErrBadToken)
}

func TestNewTokensRefuses(t *testing.T) {
	for name, list := range map[string][]Token{
		"no name":       {{Hash: HashToken("a")}},
		"same name":     {{Name: "a", Hash: HashToken("a")}, {Name: "a", Hash: HashToken("b")}},
		"same hash":     {{Name: "a", Hash: HashToken("a")}, {Name: "b", Hash: HashToken("a")}},
		"unknown scope": {{Name: "a", Scopes: []Scope{"everything"}}},
	} {
		_, err := NewTokens(list)
		require.Error(t, err, name)
	}
}

func TestHashText(t *testing.T) {
	const ofAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, B.1
	require.Equal(t, "sha256:"+ofAbc, HashToken("abc").String())
	for _, text := range []string{"sha256:" + ofAbc, ofAbc, strings.ToUpper(ofAbc)} {
		h, err := ParseHash(text)
		require.NoError(t, err, text)
		require.Equal(t, HashToken("abc"), h)
	}
	for _, text := range []string{"", "sha256:", "abc", ofAbc[1:], ofAbc + "0", "z" + ofAbc[1:], "sha512:" + ofAbc} {
		_, err := ParseHash(text)
		require.Error(t, err, text)
	}
	require.NotEqual(t, NewToken(), NewToken())
	require.Regexp(t, `^[A-Z2-7]{26}$`, NewToken())
}

// clock is a hand-moved clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

var discard = slog.New(slog.DiscardHandler)

func TestAuthorityIssuesWhatClientsTrust(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "state"), newClock()
	a, err := OpenAuthority(dir, now.Now)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "ca.pem"), a.Path())
	info, err := os.Stat(filepath.Join(dir, "ca.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	certs, err := Issued(a, []string{"edge.example.com", "10.0.0.7", "localhost"}, discard)
	require.NoError(t, err)
	cert, err := certs.GetCertificate(nil)
	require.NoError(t, err)
	leaf := cert.Leaf
	require.LessOrEqual(t, leaf.NotAfter.Sub(leaf.NotBefore), 90*24*time.Hour)

	pem, err := os.ReadFile(a.Path())
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "edge.example.com", "10.0.0.7"} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now.Now()})
		require.NoError(t, err, name)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "other.example.com", CurrentTime: now.Now()})
	require.Error(t, err)
}

func TestAuthorityOutlivesTheProcess(t *testing.T) {
	dir, now := t.TempDir(), newClock()
	first, err := OpenAuthority(dir, now.Now)
	require.NoError(t, err)
	second, err := OpenAuthority(dir, now.Now)
	require.NoError(t, err)
	require.Equal(t, first.Certificate(), second.Certificate())

	// Until a leaf could outlive it: then there is a new one.
	now.add(authorityLife - leafLife + time.Hour)
	third, err := OpenAuthority(dir, now.Now)
	require.NoError(t, err)
	require.NotEqual(t, first.Certificate(), third.Certificate())
	require.True(t, third.cert.NotAfter.After(now.Now().Add(leafLife)))
}

func TestAuthorityIsNeverReplacedForBeingUnreadable(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"no key":      func(dir string) error { return os.Remove(filepath.Join(dir, "ca.key")) },
		"junk":        func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("junk"), 0o644) },
		"another key": func(dir string) error { return swapKey(dir) },
	} {
		dir := t.TempDir()
		_, err := OpenAuthority(dir, time.Now)
		require.NoError(t, err)
		require.NoError(t, spoil(dir), name)
		before, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
		require.NoError(t, err)
		_, err = OpenAuthority(dir, time.Now)
		require.ErrorContains(t, err, "open CA", name)
		after, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
		require.NoError(t, err)
		require.Equal(t, before, after, name)
	}
}

func swapKey(dir string) error {
	other := filepath.Join(dir, "other")
	if _, err := OpenAuthority(other, time.Now); err != nil {
		return err
	}
	return os.Rename(filepath.Join(other, "ca.key"), filepath.Join(dir, "ca.key"))
}

// A crash between the two files of a new CA must not need a hand.
func TestAuthorityWithoutItsCertificateIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenAuthority(dir, time.Now)
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "ca.pem")))
	a, err := OpenAuthority(dir, time.Now)
	require.NoError(t, err)
	_, err = Issued(a, nil, discard)
	require.NoError(t, err)
}

func TestIssuedRotatesBeforeExpiry(t *testing.T) {
	now := newClock()
	a, err := OpenAuthority(t.TempDir(), now.Now)
	require.NoError(t, err)
	certs, err := Issued(a, nil, discard)
	require.NoError(t, err)
	get := func() *tls.Certificate {
		c, err := certs.GetCertificate(nil)
		require.NoError(t, err)
		return c
	}
	first := get()
	now.add(59 * 24 * time.Hour)
	require.Same(t, first, get())
	now.add(2 * 24 * time.Hour)
	// Many handshakes at the due time: one renews, none waits, none fails.
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { _, _ = certs.GetCertificate(nil) })
	}
	wg.Wait()
	second := get()
	require.NotSame(t, first, second)
	require.True(t, second.Leaf.NotAfter.After(first.Leaf.NotAfter))
	require.Same(t, second, get())
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	now := newClock()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	_, err := FromFiles(certFile, keyFile, now.Now, discard)
	require.ErrorContains(t, err, "ca.pem")

	_, err = OpenAuthority(dir, now.Now)
	require.NoError(t, err)
	certs, err := FromFiles(certFile, keyFile, now.Now, discard)
	require.NoError(t, err)
	first, err := certs.GetCertificate(nil)
	require.NoError(t, err)

	other := t.TempDir()
	_, err = OpenAuthority(other, now.Now)
	require.NoError(t, err)
	for _, name := range []string{"ca.pem", "ca.key"} {
		require.NoError(t, os.Rename(filepath.Join(other, name), filepath.Join(dir, name)))
		require.NoError(t, os.Chtimes(filepath.Join(dir, name), time.Time{}, now.Now()))
	}
	again, err := certs.GetCertificate(nil)
	require.NoError(t, err)
	require.Same(t, first, again, "not before a minute is over")
	now.add(2 * time.Minute)
	next, err := certs.GetCertificate(nil)
	require.NoError(t, err)
	require.NotEqual(t, first.Leaf.Raw, next.Leaf.Raw)

	// Files that went away leave the last good certificate in use.
	require.NoError(t, os.Remove(keyFile))
	now.add(2 * time.Minute)
	kept, err := certs.GetCertificate(nil)
	require.NoError(t, err)
	require.Same(t, next, kept)
}

func FuzzAuthenticate(f *testing.F) {
	tokens, err := NewTokens([]Token{{Name: "ci", Hash: HashToken("s3cret")}})
	require.NoError(f, err)
	for _, s := range []string{"", "Bearer s3cret", "Bearer", "bearer\ts3cret", "Basic Og==", "Bearer \x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		p, err := tokens.Authenticate(field)
		if (err == nil) != (p.Name == "ci") {
			t.Fatalf("%q: %v, %v", field, p, err)
		}
		if err == nil && strings.Trim(field[len("Bearer "):], " ") != "s3cret" {
			t.Fatalf("%q is let in", field)
		}
	})
}
