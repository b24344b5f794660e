package behaviour

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// edged is the binary under test, built once by TestMain.
var edged Edged

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "letteredge-behaviour-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if edged, err = Build(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		_ = os.RemoveAll(dir) // nothing more can be done about it
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir) // a temporary folder: the system clears what is left
		os.Exit(code)
	}))
}
