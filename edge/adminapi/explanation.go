package adminapi

// Explanation is what the node would do with a request for a URL right now,
// without doing it.
type Explanation struct {
	URL   string `json:"url"` // as it was looked up
	Key   string `json:"key"` // the canonical text that identifies what is asked for
	Kind  string `json:"kind"`
	Route string `json:"route"`
	// Segment is the quota that the request counts against.
	Segment string   `json:"segment"`
	Tags    []string `json:"tags"`
	// Cached says whether anything is stored that the answer could use.
	Cached bool `json:"cached"`
	// State is hit, stale or miss.
	State string `json:"state"`
	// Age and TTL are those of the newest stored copy, in seconds; null if there
	// is none. A negative TTL is how long it has been stale.
	Age *int64 `json:"age_seconds" jsonschema:"oneof_type=integer;null"`
	TTL *int64 `json:"ttl_seconds" jsonschema:"oneof_type=integer;null"`
	// Why says why the state is what it is.
	Why string `json:"why"`
	// Stored are the copies of the key, newest first.
	Stored []StoredCopy `json:"stored"`
}

// StoredCopy is one stored variant of a key.
type StoredCopy struct {
	Variant  string   `json:"variant"` // the request fields it was selected by
	Vector   string   `json:"vector,omitempty"`
	Status   int      `json:"status"`
	Bytes    int      `json:"bytes"`
	Age      int64    `json:"age_seconds"`
	TTL      int64    `json:"ttl_seconds"`
	Purge    string   `json:"purge"` // valid, soft, hard
	Tags     []string `json:"tags"`
	ETag     string   `json:"etag,omitempty"`
	Received string   `json:"received"`
}
