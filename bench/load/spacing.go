package load

import "fmt"

// Spacing is how the arrivals of the open loop are spread over time.
type Spacing uint8

const (
	Constant Spacing = iota // one every 1/rate seconds
	Poisson                 // independent of each other, as those of many readers are
)

var spacingNames = [...]string{Constant: "constant", Poisson: "poisson"}

// String returns constant or poisson.
func (s Spacing) String() string {
	if int(s) >= len(spacingNames) {
		return fmt.Sprintf("Spacing(%d)", uint8(s))
	}
	return spacingNames[s]
}

// UnmarshalText reads constant or poisson.
func (s *Spacing) UnmarshalText(text []byte) error {
	for i, name := range spacingNames {
		if string(text) == name {
			*s = Spacing(i)
			return nil
		}
	}
	return fmt.Errorf("must be one of constant, poisson, not %.40q", text)
}
