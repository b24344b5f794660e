package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource(SchemaID, doc))
	s, err := compiler.Compile(SchemaID)
	require.NoError(t, err)
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	return s.Validate(doc)
}

func TestDefaultsTextFitsTheSchema(t *testing.T) {
	s := compile(t)
	require.NoError(t, validate(t, s, Defaults()))
	require.NoError(t, validate(t, s, minimal))
}

// What the schema refuses, Parse refuses too: an editor must not be stricter
// than the node, nor blind to what it can know.
func TestSchemaRefuses(t *testing.T) {
	s := compile(t)
	for name, text := range map[string]string{
		"unknown field": minimal + "nod: {}",
		"unknown item":  "origins: [{uri: x}]",
		"duration":      minimal + "fills: {wait: 10}",
		"size":          minimal + "cache: {max_bytes: lots}",
		"enum":          minimal + "profile: fast",
		"isolated":      minimal + "routes: [{name: a, origin: web, isolated: serve}]",
		"scope":         minimal + "tokens: [{name: a, hash: b, scopes: [all]}]",
		"type":          minimal + "routes: {}",
	} {
		require.Error(t, validate(t, s, text), name)
		_, err := Parse([]byte(text))
		require.Error(t, err, name)
	}
}

// Schema, struct and commented file name the same fields.
func TestSchemaAndStructAndTextAgree(t *testing.T) {
	text, err := Schema()
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, json.Unmarshal(text, &schema))
	var file map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(Defaults()), &file))
	delete(file, "tokens") // shown as a comment
	agree(t, schema, schema, reflect.TypeFor[Config](), file, "")
}

func agree(t *testing.T, root, schema map[string]any, typ reflect.Type, file any, path string) {
	t.Helper()
	for typ.Kind() == reflect.Slice {
		typ = typ.Elem()
		schema, _ = schema["items"].(map[string]any)
		if list, ok := file.([]any); ok && len(list) > 0 {
			file = list[0]
		} else {
			file = nil
		}
	}
	if typ.Kind() != reflect.Struct {
		return
	}
	if ref, ok := schema["$ref"].(string); ok {
		schema = root["$defs"].(map[string]any)[ref[len("#/$defs/"):]].(map[string]any)
	}
	properties, _ := schema["properties"].(map[string]any)
	require.Len(t, properties, typ.NumField(), path)
	require.Equal(t, false, schema["additionalProperties"], path)
	mapping, _ := file.(map[string]any)
	for f := range fields(typ) {
		name := f.Tag.Get("yaml")
		at := path + "." + name
		require.Contains(t, properties, name, at)
		if mapping != nil && at != ".tokens" {
			require.Contains(t, mapping, name, at)
		}
		agree(t, root, properties[name].(map[string]any), f.Type, mapping[name], at)
	}
}
