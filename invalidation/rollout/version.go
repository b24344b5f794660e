package rollout

import (
	"fmt"

	"github.com/letteros/letteredge/cachekey"
)

// MaxVersion is the largest version: the largest integer that every JSON reader
// holds exactly (RFC 8259 §6).
const MaxVersion = 1<<53 - 1

// Limits of an update.
const (
	MaxDocuments = 500
	MaxArtifacts = 2000 // that an update names itself
	maxTags      = 64
	maxTag       = 256 // bytes
)

// Version is one version of a document, as it was pushed.
type Version struct {
	ID      string   `json:"id"`
	Version int64    `json:"version"` // 1 … MaxVersion
	Digest  string   `json:"digest,omitempty"`
	Tags    []string `json:"tags,omitempty"`
	// Deleted: there is no such document from this version on. It has no digest.
	Deleted bool `json:"deleted,omitempty"`
	// Rollout is the one that brought it.
	Rollout string `json:"rollout,omitempty"`
}

// same reports whether two versions of one number are the same text.
func (v Version) same(w Version) bool { return v.Digest == w.Digest && v.Deleted == w.Deleted }

// text names what v is, for whoever compares two.
func (v Version) text() string {
	if v.Deleted {
		return "deleted"
	}
	return v.Digest
}

// FieldError says what is wrong with a field of an update, and what it allows.
type FieldError struct{ Field, Reason string }

// Error names the field.
func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

// validate checks v as the i-th document of an update.
func (v Version) validate(i int) error {
	bad := func(field, reason string) error {
		return &FieldError{fmt.Sprintf("documents[%d].%s", i, field), reason}
	}
	switch {
	case !cachekey.ValidID(v.ID):
		return bad("id", "must match [a-z][a-z0-9_-]{0,63}")
	case v.Version < 1 || v.Version > MaxVersion:
		return bad("version", fmt.Sprintf("must be a whole number from 1 to %d", int64(MaxVersion)))
	case v.Deleted && v.Digest != "":
		return bad("digest", "must be absent for a deleted document")
	case !v.Deleted && !validDigest(v.Digest):
		return bad("digest", "must be sha256- and the base64 of 32 bytes")
	case len(v.Tags) > maxTags:
		return bad("tags", fmt.Sprintf("must have at most %d", maxTags))
	}
	for _, tag := range v.Tags {
		if tag == "" || len(tag) > maxTag {
			return bad("tags", fmt.Sprintf("must each have 1 to %d bytes", maxTag))
		}
		if cachekey.ImpliedTag(tag) {
			return bad("tags", fmt.Sprintf("must not be %q: artifacts have the tags kind:, segment:, cta:, proof:, campaign: and doc: by themselves", tag))
		}
	}
	return nil
}
