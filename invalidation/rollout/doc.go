// Package rollout holds the rules of managed documents: what their records say,
// what each node is to show by them, and how an update travels in stages.
//
// The life of an update: Accept decides whether its versions fit the records →
// a Rollout waits until the origin shows them → Next takes it from event to event
// through its stages: edge, regional, global; in each of them the nodes fill the
// candidate, show it unseen, flip, confirm, show it to a reader, soak → Settle
// says what the documents' records are after each step → Targets turns the
// records into what this node shows. Nothing here has a clock, a socket or a
// goroutine: invalidation/driver carries the effects out.
//
// # Guarantees
//
//   - A node shows a candidate only after every node of its wave has shown it
//     unseen, and after the stage before it was flipped, confirmed and seen.
//   - What has been halted, undone or aborted leaves the targets, byte by byte,
//     as they were before the rollout.
//   - Nothing leaves a done rollout but a rollback, and nothing an undone one.
//   - Next is deterministic, and an event that comes twice or late changes
//     nothing. Whoever reads the record goes on where the last leader was.
//   - A number of a version is used once.
//
// # Not guaranteed
//
//   - A fenced node has shown nothing to anybody: it is named, and counts. It gets
//     its target when it comes back, without having been looked at.
//   - A node that joins during a rollout shows the released versions until it is
//     done.
package rollout
