package config

import (
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/letteros/letteredge/edge/auth"
)

// SchemaID names the schema that Schema returns.
const SchemaID = "https://letteros.com/schemas/letteredge/edge.json"

// Schema returns a JSON Schema (draft 2020-12) of the file, for editors. It
// knows names, types and closed sets of values; ranges and what refers to
// something else are Validate's.
func Schema() ([]byte, error) {
	r := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		ExpandedStruct:             true,
		RequiredFromJSONSchemaTags: true,
		Mapper:                     scalar,
	}
	s := r.Reflect(Config{})
	s.ID = SchemaID
	s.Title = "Configuration of a LetterEdge node"
	itemsOf(s.Definitions["Token"], "scopes").Enum = anys(auth.Scopes())
	itemsOf(s.Definitions["Compression"], "codings").Enum = anys(codingNames())
	return json.MarshalIndent(s, "", "  ")
}

// scalar gives the schema of the types that a file writes as one value.
func scalar(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{
			Type: "string", Pattern: `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`,
			Examples: []any{"500ms", "2s", "1h30m"},
		}
	case reflect.TypeFor[Size]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "0"},
			{Type: "string", Pattern: `^ *[0-9]+ *(B|[KMGT]i?B)?$`, Examples: []any{"64MiB", "10MB"}},
		}}
	case reflect.TypeFor[Profile]():
		return enum(profiles())
	case reflect.TypeFor[Others]():
		return enum(others())
	case reflect.TypeFor[TagSpace]():
		return enum(tagSpaces())
	case reflect.TypeFor[Isolation]():
		return enum(isolations())
	case reflect.TypeFor[CompressionMode]():
		return enum(compressionModes())
	case reflect.TypeFor[Stack]():
		return enum(stacks())
	case reflect.TypeFor[Level]():
		return enum(levels())
	case reflect.TypeFor[Format]():
		return enum(formats())
	}
	return nil
}

func enum[T ~string](values []T) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: anys(values)}
}

func anys[T ~string](values []T) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// itemsOf returns the schema of the items of a list field.
func itemsOf(s *jsonschema.Schema, field string) *jsonschema.Schema {
	f, _ := s.Properties.Get(field)
	return f.Items
}
