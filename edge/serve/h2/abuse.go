package h2

import "time"

// fuss counts what a client makes us do without asking for anything: frames that
// carry nothing, requests that it takes back, errors. It falls with time and with
// what the client does get; beyond its limit the connection is ended (RFC 9113
// §10.5, ENHANCE_YOUR_CALM).
//
// The bound that follows: fussLimit units at once, then fussRate units a second.
// A unit is a frame that costs some hundred nanoseconds, a cancelled request
// twenty.
type fuss struct {
	units int
	since time.Time
}

const (
	fussLimit = 20_000
	fussRate  = 2_000 // a second

	fussFrame  = 1
	fussError  = 10
	fussCancel = 20
)

// add counts; it reports false at the limit.
func (f *fuss) add(units int, now time.Time) bool {
	if d := now.Sub(f.since); d > 10*time.Millisecond {
		f.units = max(0, f.units-int(min(d, time.Minute)*fussRate/time.Second))
		f.since = now
	}
	f.units += units
	return f.units <= fussLimit
}

// served takes back what an answer of that many bytes is worth.
func (f *fuss) served(bytes int) { f.units = max(0, f.units-2-bytes>>10) }
