package docsorigin

import (
	"io/fs"
	"os"
)

// Check reads a folder of documents as New would, under DefaultLimits, and
// returns Problems that list all that is wrong, by file and field.
func Check(dir string) error {
	return check(os.DirFS(dir), DefaultLimits())
}

func check(fsys fs.FS, limits Limits) error {
	f := newFolder(fsys, limits)
	if _, err := f.scan(); err != nil {
		return err
	}
	editions, _, present, ps := assemble(f.sources())
	pick := func(id string) *edition {
		if e := editions[id]; e != nil || !present[id] {
			return e
		}
		return &edition{id: id, kind: CTA} // broken: told above, and no fault of those who name it
	}
	for _, e := range editions {
		ps = append(ps, checkLinks(e, pick)...)
	}
	return ps.err()
}
