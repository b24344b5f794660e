package docsorigin

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const embeddedDir = "docs"

//go:embed docs/*.md
var embedded embed.FS

// Materialize gives a person an editable copy of the embedded documents. A
// directory that is absent appears whole, by rename; an empty one is filled;
// one that has documents stays as it is, so that what was edited or removed in
// it stays so.
func Materialize(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return materializeNew(dir)
	case err != nil:
		return fmt.Errorf("materialize documents: %w", err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".md") {
			return nil
		}
	}
	return copyEmbedded(dir)
}

func materializeNew(dir string) error {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("materialize documents: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".docs-")
	if err != nil {
		return fmt.Errorf("materialize documents: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil { // MkdirTemp's is for its owner alone
		return fmt.Errorf("materialize documents: %w", err)
	}
	if err := copyEmbedded(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("materialize documents: %w", err)
	}
	return nil
}

func copyEmbedded(dir string) error {
	entries, err := embedded.ReadDir(embeddedDir)
	if err != nil {
		return fmt.Errorf("materialize documents: %w", err)
	}
	for _, entry := range entries {
		data, err := embedded.ReadFile(embeddedDir + "/" + entry.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, entry.Name()), data, 0o644)
		}
		if err != nil {
			return fmt.Errorf("materialize documents: %w", err)
		}
	}
	return nil
}
