package auth

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// gossipKeyLen makes AES-256.
const gossipKeyLen = 32

// maxGossipKeys bounds a keyring: one in use, and those on their way in and out.
const maxGossipKeys = 8

func newGossipKey() []byte {
	key := make([]byte, gossipKeyLen)
	rand.Read(key) // never fails: crypto/rand
	return key
}

// WriteKeyring writes the keys that encrypt the gossip pools, a line of
// hexadecimal digits each. The first encrypts; all decrypt.
func WriteKeyring(path string, keys [][]byte) error {
	var text strings.Builder
	for _, k := range keys {
		fmt.Fprintln(&text, hex.EncodeToString(k))
	}
	if err := writeFile(path, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("write keyring: %w", err)
	}
	return nil
}

// ReadKeyring reads what WriteKeyring wrote.
func ReadKeyring(path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read keyring: %w", err)
	}
	var keys [][]byte
	for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		key, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || len(key) != gossipKeyLen || n >= maxGossipKeys {
			return nil, fmt.Errorf("read keyring %s: line %d: must be %d hexadecimal digits, on at most %d lines", path, n+1, 2*gossipKeyLen, maxGossipKeys)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
