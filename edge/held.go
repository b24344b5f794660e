package edge

import "fmt"

// heldError says that what is there is not what is to be shown: the node's
// target could not be had, and nothing else may stand in for it.
type heldError struct{ reason string }

// Error gives the reason.
func (e *heldError) Error() string { return "held: " + e.reason }

func heldf(format string, args ...any) error { return &heldError{fmt.Sprintf(format, args...)} }

// held answers where the target cannot be shown: 503, to be tried again.
func (c *Core) held(x *Exchange, detail string) {
	x.Rep.Cache.Detail = "held"
	x.Rep.Degraded = "held"
	x.Rep.Extra.Add("Retry-After", []byte("1"))
	c.problem(x, 503, "about:blank", "Service Unavailable", detail, "")
}

// absent answers for an artifact that the released index does not have, whatever
// the origin may show of it.
func (c *Core) absent(x *Exchange) {
	x.Rep.Cache.Detail = "absent"
	c.problem(x, 404, "about:blank", "Not Found", "there is no such artifact", "")
}
