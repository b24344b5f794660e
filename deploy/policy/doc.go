// Package policy holds the rules of this repository that a compiler does not
// know, as tests: where a package belongs and what it may import, who alone may
// use an outside library, what every package must say about itself, and that the
// README tells the truth. It has no code of its own.
//
// The life of a check: the tree of source files is read once, whatever the
// operating system a file is for; each rule is a function from a tree to a list
// of findings, and every finding says what to do about it. Each rule is tried on
// a small tree that breaks it before it is trusted with the real one.
//
// It guarantees, for all files that are not tests:
//
//   - Imports point down the table in architecture_test.go or stay in their
//     layer; a package that the table does not know is an error.
//   - Test rooms are imported by tests and commands alone; the product never
//     imports its benchmarks.
//   - An outside library is imported only by the rooms in libraries_test.go,
//     and no exported declaration of theirs shows one of its types.
//   - No init function, no package-level variable that anything could change,
//     no file over 500 lines, one doc.go for each package.
//
// It does not judge what tests import, nor whether a package comment is true.
package policy
