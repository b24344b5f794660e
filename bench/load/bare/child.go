package bare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Info is what a child says of itself, as one JSON line.
type Info struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
	CA  string `json:"ca,omitempty"` // PEM, where the URL is https
}

// maxSpec bounds the JSON of a Spec: the body in base64 and the fields.
const maxSpec = maxBody*2 + maxFields*2*maxValue

// Child is the whole of a bare server's process: it reads a Spec from stdin,
// writes its Info to stdout, and serves until stdin ends or the context does.
func Child(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	spec, err := readSpec(stdin)
	if err != nil {
		return err
	}
	s, err := Listen(spec)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(stdout).Encode(Info{URL: s.URL(), PID: os.Getpid(), CA: string(s.CA())}); err != nil {
		return errors.Join(fmt.Errorf("write bare server's address: %w", err), s.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The parent holds the other end of stdin open: its end is the parent's.
	// This read ends with the process at the latest.
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, stdin)
	}()
	return s.Serve(ctx)
}

// readSpec reads one JSON value, strictly, and checks it.
func readSpec(r io.Reader) (Spec, error) {
	in := json.NewDecoder(io.LimitReader(r, maxSpec))
	in.DisallowUnknownFields()
	var spec Spec
	if err := in.Decode(&spec); err != nil {
		return Spec{}, fmt.Errorf("read bare server's answer: %w", err)
	}
	return spec, spec.Validate()
}
