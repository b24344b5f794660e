package freshness

// Reason says why a response may not be stored. Logs, Cache-Status and metrics
// use the same words.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	Stored         Reason = iota
	Method                // not a GET
	Status                // interim, 304, or not understood; or nothing makes it cacheable
	Partial               // 206
	RequestNoStore        // the request said no-store
	NoStore               // the response said no-store
	Private               // it is for one user
	SetCookie             // it sets a cookie (default profile)
	Authorization         // it was given to an authenticated user
	VaryAny               // Vary: *, or a Vary that cannot be read
	NoFreshness           // stale at once, and nothing to validate it with
	reasonCount
)

// String returns the reason as a token.
func (r Reason) String() string {
	if r >= reasonCount {
		return "invalid"
	}
	return [...]string{"stored", "method", "status", "partial", "request-no-store", "no-store", "private",
		"set-cookie", "authorization", "vary-any", "no-freshness"}[r]
}
