package audit

// Log keeps entries. Its methods may be called from any number of goroutines.
type Log interface {
	// Append gives e the number that follows the last one, ignoring e.Seq, and
	// returns that number once the entry is on stable storage. It may drop the
	// oldest entries to stay within its bounds; numbers are never used again.
	Append(e Entry) (seq uint64, err error)
	// List returns up to limit entries with numbers below before, the newest
	// first; before 0 means from the newest.
	List(before uint64, limit int) ([]Entry, error)
}
