package rollout

// Managed says how a node stands to an artifact, by the document records that it
// knows.
type Managed uint8

const (
	// Unmanaged: no document of the artifact has a record; ordinary caching.
	Unmanaged Managed = iota
	// AtTarget: the records name the versions that are to be shown.
	AtTarget
	// Absent: an index of artifacts is recorded, and this one is not in it: 404.
	Absent
	// Unknown: the node has no snapshot of the control log yet, so nothing may be
	// treated as unmanaged (SEMANTICS §3).
	Unknown
)
