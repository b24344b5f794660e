// Package driver carries docs updates out.
//
// The life of an update: a Board, on any node, takes it in as one transaction of
// the control log → the Driver on the leader sees the record, asks the origin
// until it shows the candidate, and from then on has nodes do what
// rollout.Effects says; what happened is an event, which the pure machine of
// invalidation/rollout turns into the next record, one transaction for the
// rollout, its documents and the index → the Workers on the nodes fill slots and
// look through their own public door, unseen and then as readers → reports say
// that a node has the flip → the next stage.
//
// # Guarantees
//
//   - All that decides is in the record: a leader that dies is followed by one
//     that goes on from there, and an old one that wakes can write no more.
//   - A job may be done twice, and come back late: no harm is done.
//   - An Edge-Preview is good on the node that made it, for one rollout, while its
//     checks look there, and for seconds. It shows the candidate, or tells only
//     that whoever looks as a reader does is a check, which no quota counts.
//
// # Not guaranteed
//
//   - Two leaders may ask nodes for the same job at the same time.
//   - A watcher sees the latest state of a rollout, not every one.
package driver
