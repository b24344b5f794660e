package adminapi

import "time"

// AuditEntry is one write, or the attempt.
type AuditEntry struct {
	Seq       uint64    `json:"seq"`
	At        time.Time `json:"at"`
	Principal string    `json:"principal"` // the token's name; "" for somebody unknown
	Action    string    `json:"action"`
	Target    string    `json:"target"`
	Result    string    `json:"result"` // done, refused, failed
	Detail    string    `json:"detail"`
	Remote    string    `json:"remote"`
}
