package config

import (
	"fmt"
	"slices"

	"github.com/letteros/letteredge/edge/coding"
)

// Compression says what is sent in other codings than it is stored in.
type Compression struct {
	Mode CompressionMode `yaml:"mode"`
	// Codings are those that are made; of several that a reader wants alike the
	// first one is sent.
	Codings []string `yaml:"codings"`
	// MinBytes and MaxBytes bound the content that is coded. Lowering the first costs
	// memory for little that is saved; raising the second has whoever asks first wait.
	MinBytes Size `yaml:"min_bytes"`
	MaxBytes Size `yaml:"max_bytes"`
	// Types are the media types that are coded. None: those that compress well.
	Types []string `yaml:"types"`
}

// Policy returns what the request path goes by: of mode off it codes nothing.
func (c Compression) Policy() coding.Policy {
	if c.Mode == CompressionOff {
		return coding.Policy{}
	}
	p := coding.Policy{MinBytes: c.MinBytes.Bytes(), MaxBytes: c.MaxBytes.Bytes(), Types: c.Types}
	if len(p.Types) == 0 {
		p.Types = coding.DefaultTypes()
	}
	for _, name := range c.Codings {
		if of, ok := coding.Parse(name); ok {
			p.Codings = append(p.Codings, of)
		}
	}
	return p
}

// codingNames are the codings that can be made, in the default order.
func codingNames() []string {
	var names []string
	for _, of := range coding.All() {
		names = append(names, of.String())
	}
	return names
}

func (k *checker) compression(c Compression) {
	oneOf(k, "compression.mode", c.Mode, compressionModes()...)
	if len(c.Codings) == 0 && c.Mode != CompressionOff {
		k.bad("compression.codings", "must name at least one of %s; mode off codes nothing", join(codingNames()))
	}
	for i, name := range c.Codings {
		at := fmt.Sprintf("compression.codings[%d]", i)
		oneOf(k, at, name, codingNames()...)
		if slices.Contains(c.Codings[:i], name) {
			k.bad(at, "is %q, which is named before", name)
		}
	}
	k.size("compression.min_bytes", c.MinBytes, 0, 1<<30)
	k.size("compression.max_bytes", c.MaxBytes, 1, 1<<30)
	if c.MinBytes > c.MaxBytes && c.MaxBytes > 0 {
		k.bad("compression.min_bytes", "must not exceed compression.max_bytes (%s)", c.MaxBytes)
	}
	for i, t := range c.Types {
		if !coding.ValidType(t) {
			k.bad(fmt.Sprintf("compression.types[%d]", i), `is %q; must be a media type such as "text/html", a whole type as "text/*", or a suffix as "*+json"`, t)
		}
	}
}
