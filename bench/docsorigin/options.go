package docsorigin

import (
	"fmt"
	"log/slog"
	"time"
)

// Options configures an Origin. The zero value serves the embedded demo
// documents.
type Options struct {
	// Dir is the folder of documents. It is read anew for every request. ""
	// serves the embedded documents, which never change.
	Dir string
	// History is a directory, created if absent, in which every version that
	// was shown is kept, so that an origin that starts again still answers to
	// Docs-Pin and to the first bytes of a version. "" keeps versions in
	// memory only. Two origins may share one.
	History string
	// Freshness is what caches are told. The zero value is DefaultFreshness.
	Freshness Freshness
	// Limits bounds what is read and kept. Zero fields are DefaultLimits'.
	Limits Limits
	// Reread is how old the last look at the folder may be when a request
	// comes. 0 looks for every request (one stat per file; requests that come
	// together share a look); a benchmark that wants a cheap origin raises it.
	Reread time.Duration
	// Faults, where not nil, is asked before every answer.
	Faults *Faults
	// Log gets the problems of the folder as they appear and go. nil discards.
	Log *slog.Logger
	// Now is the clock of Last-Modified and Reread. nil is time.Now.
	Now func() time.Time
}

// Freshness is how long an artifact may be used without asking again.
type Freshness struct {
	// Client is max-age for everyone who cannot be purged: browsers, and
	// caches that do not know CDN-Cache-Control.
	Client time.Duration
	// Edge is max-age for caches that can be purged (RFC 9213). It is long,
	// because a change reaches them as a purge or a rollout.
	Edge time.Duration
	// StaleWhileRevalidate and StaleIfError (RFC 5861) are for the edge only.
	StaleWhileRevalidate, StaleIfError time.Duration
}

// DefaultFreshness is 30 s for clients and an hour for edges, which may go on
// for a minute while they ask again, and for a day while the origin fails.
func DefaultFreshness() Freshness {
	return Freshness{Client: 30 * time.Second, Edge: time.Hour, StaleWhileRevalidate: time.Minute, StaleIfError: 24 * time.Hour}
}

// Limits bounds what an author can make the origin read and keep.
type Limits struct {
	Files     int   // documents in the folder, languages counted
	FileBytes int64 // one file
	Versions  int   // versions kept of one document, in memory and in History; the lowest go first
}

// DefaultLimits is 10,000 files of 256 KiB, and 256 versions of each document.
func DefaultLimits() Limits {
	return Limits{Files: 10_000, FileBytes: 256 << 10, Versions: 256}
}

// withDefaults is a filled copy, or an error that names the field.
func (o Options) withDefaults() (Options, error) {
	if o.Freshness == (Freshness{}) {
		o.Freshness = DefaultFreshness()
	}
	d := DefaultLimits()
	if o.Limits.Files == 0 {
		o.Limits.Files = d.Files
	}
	if o.Limits.FileBytes == 0 {
		o.Limits.FileBytes = d.FileBytes
	}
	if o.Limits.Versions == 0 {
		o.Limits.Versions = d.Versions
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, o.validate()
}

func (o Options) validate() error {
	for _, d := range []struct {
		name string
		d    time.Duration
	}{
		{"Freshness.Client", o.Freshness.Client}, {"Freshness.Edge", o.Freshness.Edge},
		{"Freshness.StaleWhileRevalidate", o.Freshness.StaleWhileRevalidate},
		{"Freshness.StaleIfError", o.Freshness.StaleIfError}, {"Reread", o.Reread},
	} {
		if d.d < 0 {
			return fmt.Errorf("docs origin: %s is %v; it must not be negative", d.name, d.d)
		}
	}
	if o.Limits.Files < 0 || o.Limits.FileBytes < 0 || o.Limits.Versions < 0 {
		return fmt.Errorf("docs origin: Limits must not be negative")
	}
	return nil
}

// fields gives Cache-Control and CDN-Cache-Control.
func (f Freshness) fields() (client, edge string) {
	s := func(d time.Duration) int64 { return int64(d / time.Second) }
	return fmt.Sprintf("public, max-age=%d", s(f.Client)),
		fmt.Sprintf("max-age=%d, stale-while-revalidate=%d, stale-if-error=%d",
			s(f.Edge), s(f.StaleWhileRevalidate), s(f.StaleIfError))
}
