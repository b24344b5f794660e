package audit

import "time"

// Result is how a write ended.
type Result string

// The results.
const (
	Done    Result = "done"
	Refused Result = "refused" // the request was at fault: nothing was changed
	Failed  Result = "failed"  // the node was at fault
)

// Entry is one write, or the attempt.
type Entry struct {
	// Seq is the entry's number, from 1; a Log gives it.
	Seq uint64    `json:"seq"`
	At  time.Time `json:"at"`
	// Principal is the name of the token; "" for somebody unknown.
	Principal string `json:"principal"`
	// Action is what was asked, such as "quota.put"; Target on what.
	Action string `json:"action"`
	Target string `json:"target"`
	Result Result `json:"result"`
	// Detail is what there is to say beside that: the values set, why it was
	// refused.
	Detail string `json:"detail"`
	// Remote is the address that the request came from, host:port.
	Remote string `json:"remote"`
}

// Bounds of an entry's texts in bytes; longer ones are cut.
const (
	maxAction = 64
	maxTarget = 512
	maxDetail = 1024
)
