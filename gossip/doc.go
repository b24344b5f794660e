// Package gossip holds the vocabulary of what nodes tell each other.
//
//   - [Dot] names one event of one node; purge ids are dots. A node numbers what
//     it issues; with its id and the random number of its process start that
//     makes a name that is never given twice, however often the node restarts
//     and whatever old state it restarts from.
//   - [Vector] says what a node has: of each [Source] everything up to a number.
//   - [Envelope] is a payload signed by a [Member] and bound to it.
//   - [Records] is the state of the control log: keys, values, and the index of
//     each one's last change. [Txn] changes it.
//
// # Guarantees
//
//   - Vectors and Records merge: commutative, associative, idempotent.
//   - An envelope that was changed in any bit is refused, as is one in another
//     node's name.
//   - A transaction is applied whole or not at all, the same on every voter.
//
// # Not guaranteed
//
//   - A dot orders the events of one incarnation of a node. It says nothing
//     about the order of events of different nodes, nor about time.
//   - An envelope says who, not when: whoever opens it must look at its number.
package gossip
