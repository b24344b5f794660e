// Package swim knows which nodes are there: the SWIM protocol (Das, Gupta,
// Motivala 2002) by memberlist, in a pool per region and one of all regions, as
// poison or flapping in one region must not take the others down.
//
// # The life of a node in a pool
//
//	it joins by any address that answers, and goes on trying until one does
//	its meta data says what region it is of, and where its peers reach it
//	others probe it; one that does not answer is asked for by way of others, then
//	suspected, then dead
//	it says that it leaves, or falls silent
//
// # Guarantees
//
//   - Packets are encrypted and authenticated by the keyring; another cluster's,
//     and another pool's, are dropped.
//   - A broadcast that cannot be sent is dropped and counted, not kept for ever.
//
// # Not guaranteed
//
//   - That a node which is gone has left for good: that is the control log's to
//     say.
//   - That a node is who it says: whoever has the keyring may claim any id. So
//     what a pool tells are hints, where to look for a node and whether it is
//     worth it. Who a node is its certificate proves, when it is called.
//   - That a broadcast arrives: gossip/spread repairs what is lost.
package swim
