package h2

import (
	"errors"
	"log/slog"
	"time"
)

// Config says how connections are served. All bounds are required; AltSvc is ""
// for none, and a nil Logger discards.
type Config struct {
	// MaxHeaderBytes bounds a header section.
	MaxHeaderBytes int
	// MaxBody bounds a request's content.
	MaxBody int64
	// MaxStreams bounds the requests in flight on one connection.
	MaxStreams int
	// HeaderTimeout bounds the preface, and a header section or frame that has begun.
	HeaderTimeout time.Duration
	// BodyTimeout bounds the reading of a request's content.
	BodyTimeout time.Duration
	// WriteTimeout bounds the writing of an answer from memory once it has begun,
	// each step of one that is streamed, and what the network may leave unread.
	WriteTimeout time.Duration
	// IdleTimeout closes connections without a request.
	IdleTimeout time.Duration
	// AltSvc is the Alt-Svc value of all answers.
	AltSvc string
	Logger *slog.Logger
}

func (c Config) validate() error {
	for _, d := range []time.Duration{c.HeaderTimeout, c.BodyTimeout, c.WriteTimeout, c.IdleTimeout} {
		if d <= 0 {
			return errors.New("h2: config: every timeout is required")
		}
	}
	if c.MaxHeaderBytes <= 0 || c.MaxBody <= 0 || c.MaxStreams <= 0 {
		return errors.New("h2: config: MaxHeaderBytes, MaxBody and MaxStreams are required")
	}
	return nil
}

// step is how often a connection that has something under way looks at its clocks.
func (c Config) step() time.Duration {
	least := min(c.HeaderTimeout, c.BodyTimeout, c.WriteTimeout, c.IdleTimeout)
	return min(time.Second, max(least/8, 5*time.Millisecond))
}
