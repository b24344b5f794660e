package edge

import (
	"net/textproto"
	"strings"

	"github.com/letteros/letteredge/edge/freshness"
)

// fieldLines is a list of field lines that owns its memory, as the core and its
// fills use them where a transport's view has ended.
type fieldLines []Field

// Get returns the first value of a field.
func (l fieldLines) Get(name string) string {
	for i := range l {
		if l[i].Name == name {
			return l[i].Value
		}
	}
	return ""
}

// Has reports whether the field is there, empty or not.
func (l fieldLines) Has(name string) bool {
	for i := range l {
		if l[i].Name == name {
			return true
		}
	}
	return false
}

// Each yields every value of a field.
func (l fieldLines) Each(name string, yield func(string) bool) {
	for i := range l {
		if l[i].Name == name && !yield(l[i].Value) {
			return
		}
	}
}

// Combined returns all values of a field as one.
func (l fieldLines) Combined(name string) string {
	var all string
	var found bool
	for i := range l {
		if l[i].Name != name {
			continue
		}
		if found {
			all += ", " + l[i].Value
			continue
		}
		all, found = l[i].Value, true
	}
	return all
}

// All yields every line.
func (l fieldLines) All(yield func(name, value string) bool) {
	for i := range l {
		if !yield(l[i].Name, l[i].Value) {
			return
		}
	}
}

// endToEnd clones the client's fields that may go on and that keep accepts. What
// Connection lists ends here (RFC 9110 §7.6.1), before this node adds fields of
// its own: a client must not be able to have those removed on the way. So do the
// fields that only peers may send (SEMANTICS §8), and names that an origin may take for
// one of these, or for one that keep withholds: to CGI an underscore is a hyphen (RFC
// 3875 §4.1.18). So may not what stands in for Accept-Language, by which answers are chosen.
func endToEnd(fields Fields, keep func(name string) bool) fieldLines {
	hop := fields.Combined("Connection")
	var lines fieldLines
	fields.All(func(name, value string) bool {
		read := name
		if strings.IndexByte(name, '_') >= 0 {
			read = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
		}
		switch {
		case read == "Host", read == "Content-Length", read == "Connection", read == "Docs-Pin",
			strings.HasPrefix(read, "Edge-"), hop != "" && listed(hop, name), !keep(read),
			read != name && read == "Accept-Language":
			return true
		}
		lines = append(lines, Field{strings.Clone(name), strings.Clone(value)})
		return true
	})
	return lines
}

// listed reports whether a comma-separated list names the field.
func listed(list, name string) bool {
	for option := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.Trim(option, " \t"), name) {
			return true
		}
	}
	return false
}

// mergeFields is the header section of a stored response after a 304 (RFC 9111
// §3.2).
func mergeFields(stored *Artifact, fresh []Field) []Field {
	replaced := make(map[string]bool, len(fresh))
	for _, f := range fresh {
		rule := freshness.MergeHeader(f.Name)
		replaced[f.Name] = rule == freshness.MergeReplace || rule == freshness.MergeRenew
	}
	lines, control := stored.fields(0), stored.about(aboutControl)
	merged := make([]Field, 0, len(lines)+len(fresh))
	for _, f := range lines {
		if f.Name == "Cache-Control" && control != "" {
			f.Value = control
		}
		if !replaced[f.Name] && freshness.MergeHeader(f.Name) != freshness.MergeRenew {
			merged = append(merged, f)
		}
	}
	for _, f := range fresh {
		if replaced[f.Name] {
			merged = append(merged, f)
		}
	}
	return merged
}

// upstreamCacheStatus returns the members of Cache-Status that came with an
// answer.
func upstreamCacheStatus(fields []Field) string {
	return fieldLines(fields).Combined("Cache-Status")
}
