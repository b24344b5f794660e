package cachekey

import "strings"

// Key is the identity of what a request asks for. Two requests share a stored
// response only if the Texts of their keys (and their variants, see
// AppendVariant) are equal byte by byte.
//
// The strings of a Key returned by Keyer.Key are views that the next call with
// the same Scratch overwrites; Clone what must live longer.
type Key struct {
	Kind  Kind
	Route int // index into the Keyer's patterns; -1 for artifact routes

	// Artifact routes only. ID is the artifact's own id: that of the CTA for
	// CTA and Summary. CTA is "" for a Campaign. Lang is lower case or "".
	Segment, CTA, ID, Lang string

	// General routes only, all canonical. Host has a port unless it is 80 or
	// 443. Path is "*" for OPTIONS *.
	Host, Path, Query string

	// Text is the canonical text, one for each key:
	//
	//	/v1/segments/b2b/ctas/trial?lang=ja
	//	host/path?query
	//	POST host/path?query    methods other than GET and HEAD
	Text string
}

// IsArtifact reports whether the key names an artifact.
func (k Key) IsArtifact() bool { return k.Kind != Other }

// ArtifactPath returns the path of an artifact without its query, a substring
// of Text: the same for all its languages. It is "" for general routes.
func (k Key) ArtifactPath() string {
	if k.Kind == Other {
		return ""
	}
	path, _, _ := strings.Cut(k.Text, "?")
	return path
}

// OriginTarget returns the request-target to ask the origin for.
func (k Key) OriginTarget() string {
	if k.Kind != Other {
		return k.Text
	}
	return k.Text[k.hostAt()+len(k.Host):]
}

// hostAt is where the host of a general key begins in Text: behind the method.
func (k Key) hostAt() int {
	n := len(k.Host) + len(k.Path)
	if k.Query != "" {
		n += 1 + len(k.Query)
	}
	return max(0, len(k.Text)-n)
}

// MaxPrefixes is how many prefixes of a key can be selected.
const MaxPrefixes = 16

// prefixed is what prefixes are prefixes of: Text without method and query.
func (k Key) prefixed() string {
	if k.Kind != Other {
		return k.ArtifactPath()
	}
	at := k.hostAt()
	return k.Text[at : at+len(k.Host)+len(k.Path)]
}

// Clone returns a copy that shares no memory with a Scratch or a request. All
// its strings lie within one allocation, its Text.
func (k Key) Clone() Key {
	text := strings.Clone(k.Text)
	if k.Kind != Other {
		path, lang, _ := strings.Cut(text, "?"+langParam+"=")
		c, _ := splitArtifact(path)
		k.Segment, k.CTA, k.ID, k.Lang = c.Segment, c.CTA, c.ID, lang
	} else if at := k.hostAt(); text != "" {
		host, path := at+len(k.Host), at+len(k.Host)+len(k.Path)
		k.Host, k.Path = text[at:host], text[host:path]
		if k.Query != "" {
			k.Query = text[path+1:]
		}
	}
	k.Text = text
	return k
}
