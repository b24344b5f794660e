package config

// Profile is the set of behaviours that the node starts from.
type Profile string

// The profiles. Conformance follows RFC 9111 to the letter where the default
// is safer for a cache that others attack: it heeds clients' Cache-Control.
const (
	ProfileDefault     Profile = "default"
	ProfileConformance Profile = "conformance"
)

// Others says what happens to query parameters that a route does not name.
type Others string

// What may happen to them: left out of key and fetch, or answered 400.
const (
	OthersDrop   Others = "drop"
	OthersRefuse Others = "refuse"
)

// TagSpace says among which answers a route's tags are told apart.
type TagSpace string

// The tag spaces: the origin's group, or one for all that say shared.
const (
	TagsGroup  TagSpace = "group"
	TagsShared TagSpace = "shared"
)

// Isolation says what a route's readers get of a copy that may have been purged,
// where the node is isolated and the origin does not answer (SEMANTICS §5).
type Isolation string

// The choices: the copy, marked `Edge-Degraded: isolated`, or an error. Managed
// copies at their target are shown either way.
const (
	IsolatedStale Isolation = "stale"
	IsolatedError Isolation = "error"
)

// CompressionMode says who makes content codings.
type CompressionMode string

// The modes: origins that code are left to it, and what they send as it is gets
// coded here; or origins are asked for the identity, and all is coded here; or
// nothing is.
const (
	CompressionAuto CompressionMode = "auto"
	CompressionOn   CompressionMode = "on"
	CompressionOff  CompressionMode = "off"
)

// Stack says whose server speaks a protocol.
type Stack string

// The stacks: our own, which answers a hit where it reads the request, and the
// library's over net/http's types.
const (
	StackLean  Stack = "lean"
	StackStock Stack = "stock"
)

// Level is the least severity that is logged.
type Level string

// The levels of log/slog.
const (
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// Format is how a log line is written.
type Format string

// The formats: key=value text for people, JSON for machines.
const (
	FormatText Format = "text"
	FormatJSON Format = "json"
)

// The closed sets, for checks and the schema.

func stacks() []Stack         { return []Stack{StackLean, StackStock} }
func profiles() []Profile     { return []Profile{ProfileDefault, ProfileConformance} }
func others() []Others        { return []Others{OthersDrop, OthersRefuse} }
func tagSpaces() []TagSpace   { return []TagSpace{TagsGroup, TagsShared} }
func isolations() []Isolation { return []Isolation{IsolatedStale, IsolatedError} }
func compressionModes() []CompressionMode {
	return []CompressionMode{CompressionAuto, CompressionOn, CompressionOff}
}
func levels() []Level   { return []Level{LevelDebug, LevelInfo, LevelWarn, LevelError} }
func formats() []Format { return []Format{FormatText, FormatJSON} }
