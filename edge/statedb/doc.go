// Package statedb keeps a node's durable state in one bbolt file: purges, the
// control log and its records (quotas are among them), what gossip has spread,
// pinned copies, the audit log, and the count of the node's starts.
//
// # The life of a write
//
//	a caller hands over a change and waits
//	the one writer takes all changes that wait, in order
//	one bbolt transaction carries them out, one fsync makes them durable
//	each caller is told of its own change
//
// So writes that come while the disk is busy with others share the next fsync.
//
// # Guarantees
//
//   - A write that returned without an error survives a crash of the process and
//     of the machine, as far as the disk keeps what fsync promised.
//   - A change that fails takes no other with it.
//   - One process has the file: a second one gets ErrInUse within Options.Timeout.
//   - A file that is cut short or damaged in its structure gives ErrDamaged when
//     it is opened, and a record that cannot be read gives it where it is read. No
//     record is skipped in silence.
//   - Purges and audit entries are bounded in number and in bytes, the oldest
//     leave first; numbers are not given twice.
//
// # Not guaranteed
//
//   - That every flipped bit is seen: records have no checksums of their own.
//   - That the file shrinks. Space that was freed is used again.
package statedb
