package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/letteros/letteredge/edge/auth"
	"github.com/letteros/letteredge/edge/serve"
)

// keptToken reads the token of a state folder, or makes it.
func keptToken(dir string) (string, error) {
	kept, err := keptSecret(filepath.Join(dir, "token"), func() []byte { return []byte(auth.NewToken() + "\n") })
	return strings.TrimSpace(string(kept)), err
}

// quicKeys reads QUIC's keys of a state folder, or makes them: stateless resets
// and address tokens outlive a restart only with them.
func quicKeys(dir string) (serve.QUICKeys, error) {
	var keys serve.QUICKeys
	kept, err := keptSecret(filepath.Join(dir, "quic.key"), func() []byte {
		raw := make([]byte, len(keys.StatelessReset)+len(keys.Token))
		rand.Read(raw) // never fails: crypto/rand
		return raw
	})
	if err != nil {
		return keys, err
	}
	if len(kept) != len(keys.StatelessReset)+len(keys.Token) {
		return keys, fmt.Errorf("quic.key has %d bytes, must have %d; remove it to get a new one", len(kept), len(keys.StatelessReset)+len(keys.Token))
	}
	copy(keys.StatelessReset[:], kept)
	copy(keys.Token[:], kept[len(keys.StatelessReset):])
	return keys, nil
}

// ticketSecret is what session tickets are sealed with in the end: what all of
// a cluster know, or a secret of the state folder.
func ticketSecret(keyring, dir string) ([]byte, error) {
	if keyring == "" {
		return keptSecret(filepath.Join(dir, "tickets.key"), func() []byte {
			raw := make([]byte, 32)
			rand.Read(raw) // never fails: crypto/rand
			return raw
		})
	}
	keys, err := auth.ReadKeyring(keyring)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// keptSecret reads a file, or makes it, for its owner only.
func keptSecret(path string, fresh func() []byte) ([]byte, error) {
	kept, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	kept = fresh()
	return kept, os.WriteFile(path, kept, 0o600)
}
