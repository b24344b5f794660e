// Package gate is what all transports do alike with a request before a core sees
// it, whichever library or server has parsed it: the refusals, content that ends
// with its request, and views over a transport's buffers; and with an answer before
// it is written: which lines are not its own to have, and how it is framed.
//
// # Guarantees
//
//   - A request is refused for the same reason with the same content on every
//     protocol and every server of it.
//   - Content is never read after its request has ended, and never beyond its
//     limit.
package gate
