package freshness

// Fields gives read access to the header section of a message. Names are
// canonical ("Cache-Control", "Cdn-Cache-Control", "Etag"); implementations are
// the transports' and the stored forms.
type Fields interface {
	// Get returns the first value of a field, "" if it is absent or empty.
	Get(canonical string) string
	// Each calls yield with every value of a field, in order, until it returns
	// false.
	Each(canonical string, yield func(string) bool)
}

// present reports whether the field occurs at all, even with an empty value.
func present(f Fields, canonical string) bool {
	found := false
	f.Each(canonical, func(string) bool {
		found = true
		return false
	})
	return found
}
