// Package gossip holds the vocabulary of what nodes tell each other: for now
// the Dot, the name of one event of one node.
//
// A node numbers what it issues; with its id and the random number of its
// process start that makes a name that is never given twice, however often the
// node restarts and whatever old state it restarts from. Purge ids are dots.
//
// A dot orders the events of one incarnation of a node. It says nothing about
// the order of events of different nodes, nor about time.
package gossip
