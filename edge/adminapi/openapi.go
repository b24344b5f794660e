package adminapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation"
)

// object is a JSON object of the OpenAPI document.
type object map[string]any

// OpenAPI returns the OpenAPI 3.1 document of Operations, in JSON.
func OpenAPI() ([]byte, error) {
	s := schemas{reflector: jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, AllowAdditionalProperties: true, Mapper: special,
	}, named: object{}}
	problem := object{"$ref": s.ref(Problem{})}
	paths := object{}
	for _, o := range Operations() {
		item, _ := paths[o.Path].(object)
		if item == nil {
			item = object{}
			paths[o.Path] = item
		}
		item[strings.ToLower(o.Method)] = s.operation(o, problem)
	}
	doc := object{
		"openapi":           "3.1.0",
		"jsonSchemaDialect": jsonschema.Version,
		"info": object{
			"title": "LetterEdge admin API", "version": "1",
			"description": "Reads need no token on a loopback listener, but for /debug/pprof/. Writes need one with the scope named. Errors are problem+json (RFC 9457).",
		},
		"paths": paths,
		"components": object{
			"schemas":         s.named,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	return text, nil
}

// schemas collects the schemas of the types that operations use.
type schemas struct {
	reflector jsonschema.Reflector
	named     object
}

func (s *schemas) operation(o Operation, problem object) object {
	op := object{"operationId": o.ID, "summary": o.Summary}
	if o.Scope != "" {
		op["security"] = []object{{"token": []string{o.Scope}}}
		if o.Scope == scopeRead {
			op["security"] = []object{{"token": []string{o.Scope}}, {}}
		}
	}
	var parameters []object
	for _, p := range o.Parameters {
		schema := object{"type": "string"}
		if p.Enum != nil {
			schema["enum"] = p.Enum
		}
		parameters = append(parameters, object{
			"name": p.Name, "in": p.In, "description": p.Description, "schema": schema, "required": p.In == "path",
		})
	}
	if parameters != nil {
		op["parameters"] = parameters
	}
	if o.Body != nil {
		op["requestBody"] = object{"required": true, "content": s.content("application/json", o.Body)}
	}
	answers := object{"default": object{"description": "a problem", "content": object{ProblemType: object{"schema": problem}}}}
	for _, a := range o.Answers {
		answers[strconv.Itoa(a.Status)] = s.answer(a, problem)
	}
	op["responses"] = answers
	return op
}

func (s *schemas) answer(a Answer, problem object) object {
	answer := object{"description": NewProblem(a.Status, "").Title}
	switch body := a.Body.(type) {
	case nil:
		if a.Status >= 400 {
			answer["content"] = object{ProblemType: object{"schema": problem}}
		}
	case string:
		answer["content"] = object{body: object{}}
	default:
		answer["content"] = s.content("application/json", body)
	}
	return answer
}

func (s *schemas) content(mediaType string, body any) object {
	if either, ok := body.(oneOf); ok {
		return object{mediaType: object{"schema": object{
			"oneOf": []object{{"$ref": s.ref(either.a)}, {"$ref": s.ref(either.b)}},
		}}}
	}
	return object{mediaType: object{"schema": object{"$ref": s.ref(body)}}}
}

// ref returns a reference to the schema of v's type, which it adds.
func (s *schemas) ref(v any) string {
	t := reflect.TypeOf(v)
	name := t.Name()
	if generic, arg, ok := strings.Cut(name, "["); ok { // List[…/adminapi.Quota]
		name = strings.TrimSuffix(arg[strings.LastIndexByte(arg, '.')+1:], "]") + generic
	}
	if _, known := s.named[name]; !known {
		schema := s.reflector.ReflectFromType(t)
		schema.Version = "" // the document's dialect
		s.named[name] = schema
	}
	return "#/components/schemas/" + name
}

// special gives the schemas of types that write their JSON themselves.
func special(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Cursor]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "null"}}}
	case reflect.TypeFor[invalidation.Mode]():
		return &jsonschema.Schema{Type: "string", Enum: []any{invalidation.ModeHard.String(), invalidation.ModeSoft.String()}}
	case reflect.TypeFor[cachekey.Selector]():
		return selectorSchema()
	}
	return nil
}

// selectorSchema describes a selector: an object with exactly one field.
func selectorSchema() *jsonschema.Schema {
	one, most := uint64(1), uint64(cachekey.MaxSelected)
	text := &jsonschema.Schema{Type: "string", MinLength: &one}
	list := &jsonschema.Schema{Type: "array", Items: text, MinItems: &one, MaxItems: &most}
	s := &jsonschema.Schema{
		Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
		MinProperties: &one, MaxProperties: &one,
		Description: "Exactly one of the fields. A key or prefix that begins with / means artifacts, any other is host/path.",
	}
	s.Properties.Set("tags", list)
	s.Properties.Set("keys", list)
	for _, name := range []string{"prefix", "host", "segment"} {
		s.Properties.Set(name, text)
	}
	s.Properties.Set("all", &jsonschema.Schema{Const: true})
	return s
}
