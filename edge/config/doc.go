// Package config is the configuration of one node: a YAML file, read strictly,
// checked whole, and turned into a [Config] that the command wires up.
//
// The life of a file: [Load] reads it (1 MiB at most), [Parse] decodes it over
// [Default], gives list items their own defaults, and checks the result. What
// the file does not say keeps its default; what it says wrongly is an error.
//
// # Guarantees
//
//   - Unknown and duplicate fields are refused, by name and position.
//   - Every value that is out of its range is told in one go, each by its path
//     ("fills.wait") and position, with what it allows.
//   - [Defaults] is a commented file that parses to exactly [Default];
//     [Schema] is a JSON Schema that the file satisfies. Tests hold all three
//     together.
//
// # Not guaranteed
//
//   - That the node can start: addresses may be taken, files unreadable,
//     origins down. Nothing outside the file is looked at.
package config
