// Package simnet runs clusters in a simulated network: virtual time, one
// goroutine, everything that chance decides from one seed. What runs in it is the
// product's own code (gossip/spread, invalidation), with models around it of what
// it stands on: disks, a network, an origin, caches and their fills, the order of
// the control log.
//
// The network loses, delays, duplicates and reorders messages, and is cut into
// parts; processes are frozen and woken, and killed and started again, some of
// them on an old copy of their disk.
//
// A run checks at every answer that a reader gets:
//
//   - a node that has applied a purge never gives a request that came later what
//     was purged;
//   - once a purge is complete nobody does, and a fenced node not after ten
//     seconds from its acceptance, but for answers that it marks;
//
// and at the end, when all faults have ended, that all nodes have the same.
//
// [Guards] names rules of the product that a run can go without. Each of them
// has a seed that shows why it is there.
package simnet
