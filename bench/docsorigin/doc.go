// Package docsorigin is the documentation origin of the demo, the tests and
// the benchmarks: it renders CTAs, Proofs and Campaigns as JSON from a folder
// of Markdown documents with YAML front matter, and remembers what it has
// shown.
//
// The life of a request: the folder is compared with what was read last (a
// stat per file) → changed files are parsed and checked as a whole → a version
// that is new is kept for good, with the bytes it had at first sight → the
// path names a document, Docs-Pin and the folder name its version and those of
// the documents it uses → body, ETag and fields are made from these → faults,
// conditions, reply.
//
// Guarantees:
//
//   - A request that begins after a file was written answers from that file.
//   - The body is a function of (path, language, the versions in Docs-Version),
//     in every process that first saw these versions with the same files, and
//     in one with the same Options.History always.
//   - Text, or a set of languages, changed under an old version does not show.
//   - A document that does not parse, or whose references do not hold, takes
//     nothing down: what was shown before goes on being shown, and /stats says
//     what is wrong, by file and field.
//   - Every artifact the index lists answers 200.
//
// Not guaranteed:
//
//   - That a file half written is noticed: a version is taken as it is read.
//     Write the text before the version, or write whole files by rename.
//   - History survives a crash of the process, not a loss of power.
//
// Less formally: it is a small newsroom's server that never changes its story
// without changing the date on it. It is a room for tests and the demo: its
// faults are set in-process, and it has no ambition to be fast.
package docsorigin
