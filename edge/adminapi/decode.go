package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation"
)

// Decode reads a body that is one JSON object into the struct that into points
// to. It returns a 400 that names the field, or nil.
//
// encoding/json alone would take the last of two fields of one name, "RPS" for
// "rps", null for nothing, and ignore what follows the object.
func Decode(body []byte, into any) *Problem {
	return decodeObject(body, reflect.ValueOf(into).Elem(), "")
}

func decodeObject(body []byte, into reflect.Value, path string) *Problem {
	members, problem := split(body, path)
	if problem != nil {
		return problem
	}
	for _, m := range members {
		at := join(path, m.name)
		field, known := fieldNamed(into, m.name)
		switch {
		case !known:
			return BadField(at, "is not a field; allowed are "+strings.Join(fieldNames(into.Type()), ", "))
		case bytes.Equal(m.value, []byte("null")):
			return BadField(at, "must not be null")
		}
		if problem := decodeValue(m.value, field, at); problem != nil {
			return problem
		}
	}
	return nil
}

func decodeValue(text []byte, into reflect.Value, at string) *Problem {
	_, ownJSON := into.Addr().Interface().(json.Unmarshaler)
	if into.Kind() == reflect.Struct && !ownJSON {
		return decodeObject(text, into, at)
	}
	if into.Kind() == reflect.Slice && into.Type().Elem().Kind() == reflect.Struct {
		return decodeList(text, into, at)
	}
	err := json.Unmarshal(text, into.Addr().Interface())
	if err == nil {
		return nil
	}
	var selector *cachekey.Error
	if errors.As(err, &selector) {
		if selector.Field != "select" {
			at = join(at, selector.Field)
		}
		return BadField(at, selector.Reason)
	}
	return BadField(at, "must be "+form(into.Type()))
}

// decodeList reads a list of objects.
func decodeList(text []byte, into reflect.Value, at string) *Problem {
	var elements []json.RawMessage
	if json.Unmarshal(text, &elements) != nil {
		return BadField(at, "must be a list")
	}
	list := reflect.MakeSlice(into.Type(), len(elements), len(elements))
	for i, e := range elements {
		if problem := decodeObject(e, list.Index(i), fmt.Sprintf("%s[%d]", at, i)); problem != nil {
			return problem
		}
	}
	into.Set(list)
	return nil
}

// form is how a value of t is written in JSON.
func form(t reflect.Type) string {
	if t == reflect.TypeFor[invalidation.Mode]() {
		return `"hard" or "soft"`
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Struct:
		return "an object"
	}
	return "a string"
}

// member is one name and value of an object.
type member struct {
	name  string
	value json.RawMessage
}

// split reads an object's members and refuses repeated names and whatever
// follows the object.
func split(body []byte, path string) ([]member, *Problem) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, BadField(path, "must be a JSON object")
	}
	var members []member
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, malformed(path, d)
		}
		if seen[name] {
			return nil, BadField(join(path, name), "is given twice")
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, malformed(path, d)
		}
		members = append(members, member{name, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed(path, d)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, BadField(path, "must end after the JSON object")
	}
	return members, nil
}

func malformed(path string, d *json.Decoder) *Problem {
	return BadField(path, fmt.Sprintf("is no valid JSON near byte %d", d.InputOffset()))
}

// join appends a name to a path; one that is overlong is cut.
func join(path, name string) string {
	const most = 64
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// fieldNames returns the JSON names of a struct's fields in order.
func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func fieldNamed(v reflect.Value, name string) (reflect.Value, bool) {
	for i, n := range fieldNames(v.Type()) {
		if n == name {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}
