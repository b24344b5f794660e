// Package control is the control log: what needs one order (quota definitions,
// document records, rollouts, enrolment) goes through a Raft log among a few
// voters, and comes out as [gossip.Records] that are the same on all of them.
//
// # The life of a change
//
//	a node reads the records it depends on from the leader     Client.Update
//	computes a transaction, guarded by what it has read
//	the leader appends it, a majority makes it durable         Control.Propose
//	every voter applies it to its Records
//	the others are told by voters (gossip/spread)
//	Update returns once this node has it, too
//
// A guard that no longer holds has the node read and compute again: nothing is
// overwritten that its author has not seen.
//
// # Guarantees
//
//   - A change that was acknowledged is on the disks of a majority of the voters.
//   - Reads for a change come from a leader that a majority has confirmed since.
//   - Without a majority a change ends with [ErrNoQuorum] within its deadline;
//     nobody waits for ever. It may then still happen: ErrNoQuorum says that
//     nobody knows, not that it did not.
//   - Only the voter that a certificate names is heard as that voter.
//
// # Not guaranteed
//
//   - That voters can be changed at run time: they are configuration.
package control
