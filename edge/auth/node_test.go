package auth

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/gossip"
)

func issued(t *testing.T, c *Cluster, region, node string) *Node {
	t.Helper()
	cert, key, err := c.Issue(t.TempDir(), region, node)
	require.NoError(t, err)
	n, err := OpenNode(cert, key, c.Path(), time.Now)
	require.NoError(t, err)
	return n
}

func TestClusterIsKept(t *testing.T) {
	dir := t.TempDir()
	c, err := OpenCluster(dir, "letters", time.Now)
	require.NoError(t, err)
	one := issued(t, c, "tokyo", "tokyo-1")
	require.Equal(t, gossip.Member{Cluster: "letters", Region: "tokyo", Node: "tokyo-1"}, one.Member())
	again, err := OpenCluster(dir, "letters", time.Now)
	require.NoError(t, err)
	two := issued(t, again, "tokyo", "tokyo-2")
	signature, err := two.Sign([]byte("hello"))
	require.NoError(t, err)
	who, err := one.Verify(two.Certificate(), []byte("hello"), signature)
	require.NoError(t, err)
	require.Equal(t, two.Member(), who)
	_, err = OpenCluster(dir, "others", time.Now)
	require.ErrorContains(t, err, `is of "LetterEdge cluster letters"`)
	for _, secret := range []string{clusterKeyFile, keyringFile} {
		info, err := os.Stat(filepath.Join(dir, secret))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), secret)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, clusterKeyFile)))
	_, err = OpenCluster(dir, "letters", time.Now)
	require.ErrorContains(t, err, "the key of", "a CA without its key is not replaced")
}

func TestForeignAndForgedAreRefused(t *testing.T) {
	ours, err := OpenCluster(t.TempDir(), "letters", time.Now)
	require.NoError(t, err)
	theirs, err := OpenCluster(t.TempDir(), "letters", time.Now) // the same name, another CA
	require.NoError(t, err)
	one, two, stranger := issued(t, ours, "a", "one"), issued(t, ours, "a", "two"), issued(t, theirs, "a", "one")

	message := []byte("purge everything")
	signature, err := stranger.Sign(message)
	require.NoError(t, err)
	_, err = one.Verify(stranger.Certificate(), message, signature)
	require.ErrorIs(t, err, gossip.ErrForeign)
	_, err = one.Verify(two.Certificate(), message, signature)
	require.ErrorIs(t, err, gossip.ErrForged)
	_, err = one.Verify([]byte("none"), message, signature)
	require.ErrorIs(t, err, gossip.ErrForged)

	e := gossip.Envelope{Kind: gossip.KindPurge, From: one.Member(), Seq: 1, Payload: message}
	require.NoError(t, e.Seal(two))
	require.ErrorIs(t, e.Open(one), gossip.ErrForged, "a node speaks only for itself")
	require.NoError(t, e.Seal(one))
	require.NoError(t, e.Open(two))

	// A certificate that expires is not believed longer because it was once.
	later := func() time.Time { return time.Now().Add(nodeLife + time.Hour) }
	one.now = later
	signature, err = two.Sign(message)
	require.NoError(t, err)
	_, err = one.Verify(two.Certificate(), message, signature)
	require.ErrorIs(t, err, gossip.ErrForeign)
}

// handshake joins a client and a server over a pipe, and tells what each says.
func handshake(t *testing.T, server, client *tls.Config) (clientErr, serverErr error) {
	t.Helper()
	a, b := net.Pipe()
	s, c := tls.Server(a, server), tls.Client(b, client)
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		_ = a.Close()
		done <- err
	}()
	clientErr = c.Handshake()
	if clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1)) // TLS 1.3: the refusal comes after
	}
	_ = b.Close()
	return clientErr, <-done
}

func TestMutualTLS(t *testing.T) {
	ours, err := OpenCluster(t.TempDir(), "letters", time.Now)
	require.NoError(t, err)
	theirs, err := OpenCluster(t.TempDir(), "letters", time.Now)
	require.NoError(t, err)
	one, two, stranger := issued(t, ours, "a", "one"), issued(t, ours, "a", "two"), issued(t, theirs, "a", "two")

	c, s := handshake(t, two.ServerTLS(), one.ClientTLS("two"))
	require.NoError(t, c)
	require.NoError(t, s)
	c, _ = handshake(t, two.ServerTLS(), one.ClientTLS("three"))
	require.ErrorIs(t, c, gossip.ErrForged, "another node answers")
	c, _ = handshake(t, stranger.ServerTLS(), one.ClientTLS("two"))
	require.ErrorIs(t, c, gossip.ErrForeign)
	_, s = handshake(t, two.ServerTLS(), stranger.ClientTLS(""))
	require.Error(t, s)
	careless := stranger.ClientTLS("") // an attacker checks nobody
	careless.VerifyConnection = nil
	_, s = handshake(t, two.ServerTLS(), careless)
	require.ErrorIs(t, s, gossip.ErrForeign)
	foreign, _ := two.Refused()
	require.EqualValues(t, 1, foreign)
	foreign, forged := one.Refused()
	require.Equal(t, []uint64{1, 1}, []uint64{foreign, forged})
	_, s = handshake(t, two.ServerTLS(), &tls.Config{InsecureSkipVerify: true})
	require.ErrorIs(t, s, gossip.ErrForeign, "no certificate")
	foreign, _ = two.Refused()
	require.EqualValues(t, 2, foreign)
}

func TestKeyring(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip.key")
	keys := [][]byte{newGossipKey(), newGossipKey()}
	require.NoError(t, WriteKeyring(path, keys))
	got, err := ReadKeyring(path)
	require.NoError(t, err)
	require.Equal(t, keys, got)
	require.NoError(t, os.WriteFile(path, []byte("abc\n"), 0o600))
	_, err = ReadKeyring(path)
	require.ErrorContains(t, err, "line 1: must be 64 hexadecimal digits")
}

// What a node is given makes it one, and no maker of nodes.
func TestEquip(t *testing.T) {
	_, err := ReadCluster(t.TempDir(), "letters", time.Now)
	require.ErrorIs(t, err, os.ErrNotExist, "nothing is made")
	home := t.TempDir()
	_, err = OpenCluster(home, "letters", time.Now)
	require.NoError(t, err)
	ours, err := ReadCluster(home, "letters", time.Now)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "one")
	require.NoError(t, ours.Equip(dir, "a", "one"))
	n, err := OpenNode(filepath.Join(dir, NodeCertFile), filepath.Join(dir, NodeKeyFile), filepath.Join(dir, NodeCAFile), time.Now)
	require.NoError(t, err)
	require.Equal(t, gossip.Member{Cluster: "letters", Region: "a", Node: "one"}, n.Member())
	want, err := ReadKeyring(ours.Keyring())
	require.NoError(t, err)
	keys, err := ReadKeyring(filepath.Join(dir, NodeKeyringFile))
	require.NoError(t, err)
	require.Equal(t, want, keys)
	secret, err := os.ReadFile(filepath.Join(home, clusterKeyFile))
	require.NoError(t, err)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		require.NotEqual(t, secret, text, f.Name())
		info, err := f.Info()
		require.NoError(t, err)
		if f.Name() == NodeKeyFile || f.Name() == NodeKeyringFile {
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
		}
	}
}
