// Package adminapi is the vocabulary of the admin API: the bodies that are sent
// and received, how they are read, and the OpenAPI document that describes them.
// The server (edge/admin) and the client (edge/client) share it.
//
// The life of a request body: [Decode] reads it strictly into one of the types
// here; whatever is wrong with it comes back as a [Problem] (RFC 9457) that
// names the field by its JSON pointer, ready to be sent.
//
// # Guarantees
//
//   - Unknown, repeated and null fields are refused by name; names count exactly
//     as they are spelt.
//   - [OpenAPI] describes the routes in [Operations], which are those the server
//     has; the server's tests hold every answer against it.
//
// # Not guaranteed
//
//   - That a client which refuses unknown fields will understand a later server:
//     answers may gain fields.
package adminapi
