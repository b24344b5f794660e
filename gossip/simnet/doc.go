// Package simnet runs clusters in a simulated network: virtual time, one
// goroutine, everything that chance decides from one seed. What runs in it is the
// product's own code (gossip/spread, invalidation, invalidation/rollout, quota), with
// models around it of what it stands on: disks, a network, an origin, caches and
// their fills, the order of the control log, and the goroutines of the rollouts'
// driver.
//
// The network loses, delays, duplicates and reorders messages, and is cut into
// parts; processes are frozen and woken, and killed and started again, some of
// them on an old copy of their disk; leaders change. Meanwhile an editor purges,
// and an author pushes documents, some of which fail a check, on one node or on
// all, while others are aborted or rolled back, and an operator changes a quota.
//
// A run checks at every answer that a reader gets:
//
//   - a node that has applied a purge never gives a request that came later what
//     was purged;
//   - once a purge is complete nobody does, and a fenced node not after ten
//     seconds from its acceptance, but for answers that it marks;
//   - a managed artifact is rendered from exactly the versions that the node was
//     to show when the request came, a Summary too;
//   - nobody sees a version that was not pushed, or that did not pass its check;
//   - what is released is shown by every node that has said so, and what is undone
//     by none;
//
// of everything that a quota admits, that from the moment on from which the operator
// was told that a definition binds all nodes together admit no more than it allows;
//
// at every flip, that the node has shown the candidate unseen, and that every node
// of the stages before has been at it, but for those that are fenced and named; and
// at the end, when all faults have ended, that all nodes have the same.
//
// [Guards] names rules of the product that a run can go without. Each of them
// has a seed that shows why it is there.
package simnet
