package control

// Entry is one entry of the log, as bytes.
type Entry struct {
	Index uint64
	Data  []byte
}

// Log keeps the entries of the log on a disk. Indexes are without gaps.
type Log interface {
	// First and Last return the lowest and the highest index; 0 if there is none.
	First() (uint64, error)
	Last() (uint64, error)
	// Get returns an entry's bytes; nil if it is not there.
	Get(index uint64) ([]byte, error)
	// Append adds entries, and returns when they are on stable storage.
	Append(entries []Entry) error
	// Delete removes the entries from min to max, both included.
	Delete(min, max uint64) error
}

// Stable keeps a few values on a disk.
type Stable interface {
	// Set returns when the value is on stable storage.
	Set(key string, value []byte) error
	// Get returns nil if the key was never set.
	Get(key string) ([]byte, error)
}
