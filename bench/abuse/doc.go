// Package abuse is the test room of clients that mean harm: what they say over
// HTTP/2 and HTTP/3, and the connections to say it on. The servers' own tests hold
// each of them to a stated bound; the soak in bench/behaviour sends all of them to
// a whole node, beside honest clients.
//
// # The life of an abuse
//
// An [H2] is bytes: what is said once, and what is said on and on. [H2.Run] says it
// on a connection that is open, and returns how the server ended that. An [H3] is
// acts on a connection of [Dial], as streams are opened, reset and left open there.
//
// # Guarantees
//
//   - An abuse, made anew, says the same each time: what differs is the server.
//   - None waits longer than it was told to.
//
// # Not guaranteed
//
//   - That a server must end the connection: some abuses are to be borne.
//
// Less formally: what each of them costs a server is the server's to say, so no
// limit of ours stands here.
package abuse
