// Package audit is the record of who changed what, when and from where.
//
// The life of an entry: the admin API carries a write out, or refuses it; a
// [Recorder] stamps and bounds what it says of that and appends it to a [Log];
// only then is the writer answered.
//
// # Guarantees
//
//   - A write that was answered as done has an entry on stable storage.
//   - Entries are numbered without gaps by their log, in the order of appending.
//   - What a stranger can make the log grow by is bounded: refusals of requests
//     without a known token are thinned out, and counted where they are.
//
// # Not guaranteed
//
//   - An entry for a write whose process died before it was answered.
//   - That nobody edits the log on the disk: entries are not signed yet.
package audit
