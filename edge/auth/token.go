package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Hash is the SHA-256 of a token.
type Hash [sha256.Size]byte

// HashToken returns the hash under which a token is configured.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }

// hashPrefix names the function in a hash's text form, so that another may come
// beside it.
const hashPrefix = "sha256:"

// String returns the text form: "sha256:" and 64 hexadecimal digits.
func (h Hash) String() string { return hashPrefix + hex.EncodeToString(h[:]) }

// ParseHash reads the text form; the prefix may be missing, as sha256sum(1)
// prints it.
func ParseHash(text string) (Hash, error) {
	var h Hash
	digits := strings.TrimPrefix(text, hashPrefix)
	if len(digits) != hex.EncodedLen(len(h)) {
		return h, errors.New("a token hash must be sha256: and 64 hexadecimal digits")
	}
	if _, err := hex.Decode(h[:], []byte(digits)); err != nil {
		return h, fmt.Errorf("a token hash must be sha256: and 64 hexadecimal digits: %w", err)
	}
	return h, nil
}

// NewToken returns a new token of 130 random bits, in letters and digits only:
// one that began with "-" would be a flag on a command line.
func NewToken() string { return rand.Text() }

// Token is a token as a node knows it.
type Token struct {
	Name    string // names its holder in the audit log
	Hash    Hash
	Scopes  []Scope
	Expires time.Time // zero: never
}

// Tokens are those that a node knows: the configured ones, and those that a
// Register brings. The zero value knows none.
type Tokens struct {
	list   []Token
	issued atomic.Pointer[[]Token]
}

func (t *Tokens) configured(name string) bool {
	return slices.ContainsFunc(t.list, func(c Token) bool { return c.Name == name })
}

// all are those of now.
func (t *Tokens) all() []Token {
	if more := t.issued.Load(); more != nil && len(*more) > 0 {
		return slices.Concat(t.list, *more)
	}
	return t.list
}

// NewTokens returns tokens that authenticate the given ones. Names and hashes
// must be unique and scopes known.
func NewTokens(list []Token) (*Tokens, error) {
	for i, t := range list {
		if t.Name == "" {
			return nil, fmt.Errorf("token %d: the name must not be empty", i)
		}
		for _, other := range list[:i] {
			if other.Name == t.Name || other.Hash == t.Hash {
				return nil, fmt.Errorf("token %q: has the name or the hash of %q", t.Name, other.Name)
			}
		}
		for _, s := range t.Scopes {
			if !slices.Contains(Scopes(), s) {
				return nil, fmt.Errorf("token %q: %q is no scope", t.Name, s)
			}
		}
	}
	return &Tokens{list: slices.Clone(list)}, nil
}

// The reasons for which a request is from nobody.
var (
	// ErrNoToken: it carries none.
	ErrNoToken = errors.New("no bearer token")
	// ErrBadToken: it carries one that is not known, or something else.
	ErrBadToken = errors.New("the token is not known")
)

// maxAuthorization bounds what is hashed for somebody unknown.
const maxAuthorization = 4096

// Authenticate returns the principal of an Authorization field,
// `Bearer <token>` (RFC 6750 §2.1). It returns ErrNoToken if the field is empty
// and ErrBadToken if it names nobody. How long it takes does not depend on
// whether and where a token matches.
func (t *Tokens) Authenticate(authorization string) (Principal, error) {
	if authorization == "" {
		return Principal{}, ErrNoToken
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(authorization) > maxAuthorization {
		return Principal{}, ErrBadToken
	}
	hash, match, all := HashToken(token), -1, t.all()
	for i := range all {
		// Every entry is compared, and the index is chosen without a branch.
		equal := subtle.ConstantTimeCompare(hash[:], all[i].Hash[:])
		match = subtle.ConstantTimeSelect(equal, i, match)
	}
	if match < 0 || !all[match].Expires.IsZero() && !time.Now().Before(all[match].Expires) {
		return Principal{}, ErrBadToken
	}
	return Principal{Name: all[match].Name, scopes: all[match].Scopes}, nil
}
