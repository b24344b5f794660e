// Package rollout holds the rules of managed documents: what a record says, what
// each node is to show by it, and how an update travels in stages.
package rollout
