package adminapi

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/invalidation"
)

func TestDecode(t *testing.T) {
	var r PurgeRequest
	require.Nil(t, Decode([]byte(` {"select":{"tags":["doc:a","doc:b"]},"mode":"soft","dry_run":true,"force":false} `), &r))
	require.Equal(t, PurgeRequest{
		Select: cachekey.Selector{Tags: []string{"doc:a", "doc:b"}}, Mode: invalidation.ModeSoft, DryRun: true,
	}, r)
}

func TestDecodeRefuses(t *testing.T) {
	for body, want := range map[string]string{ // detail and pointer
		``:                              "the body must be a JSON object #",
		`[]`:                            "the body must be a JSON object #",
		`{`:                             "the body is no valid JSON near byte 1 #",
		`{"mode":"hard"`:                "the body is no valid JSON near byte 14 #",
		`{"mode":hard}`:                 "the body is no valid JSON near byte 8 #",
		`{} {}`:                         "the body must end after the JSON object #",
		`{}x`:                           "the body must end after the JSON object #",
		`{"modes":"hard"}`:              "modes is not a field; allowed are select, mode, dry_run, force #/modes",
		`{"Mode":"hard"}`:               "Mode is not a field; allowed are select, mode, dry_run, force #/Mode",
		`{"mode":"hard","mode":"hard"}`: "mode is given twice #/mode",
		`{"mode":null}`:                 "mode must not be null #/mode",
		`{"mode":"medium"}`:             `mode must be "hard" or "soft" #/mode`,
		`{"mode":1}`:                    `mode must be "hard" or "soft" #/mode`,
		`{"dry_run":"yes"}`:             "dry_run must be true or false #/dry_run",
		`{"force":1}`:                   "force must be true or false #/force",
		`{"select":[]}`:                 "select must be a JSON object #/select",
		`{"select":{}}`:                 "select must have one of tags, keys, prefix, host, segment, all, and it must not be empty #/select",
		`{"select":{"segment":"B2B"}}`:  "select.segment must match [a-z][a-z0-9_-]{0,63} #/select/segment",
		`{"select":{"tags":["a",""]}}`:  "#/select/tags/1",
		`{"a~/b":1}`:                    "#/a~0~1b",
		`{"日":1}`:                       "#/%E6%97%A5",
	} {
		var r PurgeRequest
		p := Decode([]byte(body), &r)
		require.NotNil(t, p, body)
		require.Equal(t, 400, p.Status, body)
		require.Len(t, p.Errors, 1, body)
		require.Contains(t, p.Detail+" "+p.Errors[0].Pointer, want, body)
		require.True(t, strings.HasSuffix(p.Detail, p.Errors[0].Detail), body)
	}
}

func TestAnUnknownNameIsNotRepeatedAtLength(t *testing.T) {
	var r PurgeRequest
	p := Decode([]byte(`{"`+strings.Repeat("x", 1<<20)+`":1}`), &r)
	require.Less(t, len(p.Detail), 256)
	require.Less(t, len(p.Errors[0].Pointer), 256)
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"select":{"all":true}}`, `{"select":{"keys":["/v1/segments/b2b/ctas/trial"]},"mode":"soft"}`, `{"mode":null}`, `{"a":{"b":[`, "{\"\xff\":1}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r PurgeRequest
		p := Decode(body, &r)
		if p == nil {
			text, err := json.Marshal(r)
			if err != nil && len(r.Select.String()) > 0 {
				t.Fatal(err)
			}
			var again PurgeRequest
			if r.Select.String() != "" && Decode(text, &again) != nil {
				t.Fatalf("%s is not read again", text)
			}
			return
		}
		if p.Status != 400 || p.Detail == "" || len(p.Errors) != 1 || !strings.HasPrefix(p.Errors[0].Pointer, "#") {
			t.Fatalf("%q: %+v", body, p)
		}
		for _, c := range []byte(p.Errors[0].Pointer) {
			if c <= ' ' || c > '~' {
				t.Fatalf("%q is no URI fragment", p.Errors[0].Pointer)
			}
		}
	})
}

func TestLists(t *testing.T) {
	text, err := json.Marshal(NewList[Node](nil, ""))
	require.NoError(t, err)
	require.JSONEq(t, `{"items":[],"next":null}`, string(text))
	text, err = json.Marshal(NewList([]int{1}, "b"))
	require.NoError(t, err)
	require.JSONEq(t, `{"items":[1],"next":"b"}`, string(text))
	var l List[int]
	require.NoError(t, json.Unmarshal([]byte(`{"items":[1],"next":null}`), &l))
	require.Equal(t, Cursor(""), l.Next)
}

func TestRegions(t *testing.T) {
	node := func(region, state string) Node { return Node{Region: region, State: state} }
	require.Equal(t, []Region{
		{ID: "tokyo", Nodes: 2, Ready: 1, State: "degraded"},
		{ID: "paris", Nodes: 1, Ready: 1, State: "ready"},
		{ID: "lima", Nodes: 1, Ready: 0, State: "down"},
	}, Regions([]Node{node("tokyo", "ready"), node("paris", "ready"), node("tokyo", "starting"), node("lima", "starting")}))
	require.Equal(t, []Region{}, Regions(nil))
}

func TestParseWait(t *testing.T) {
	for text, want := range map[string]Wait{"": WaitNone, "none": WaitNone, "region": WaitRegion, "all": WaitAll} {
		w, err := ParseWait(text)
		require.NoError(t, err)
		require.Equal(t, want, w)
	}
	_, err := ParseWait("world")
	require.ErrorContains(t, err, "must be none, region or all")
}

// The document is OpenAPI 3.1 with schemas that compile, and every reference in
// it leads somewhere.
func TestOpenAPI(t *testing.T) {
	text, err := OpenAPI()
	require.NoError(t, err)
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	for _, o := range Operations() {
		require.Contains(t, doc.Paths[o.Path], strings.ToLower(o.Method))
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("openapi.json", raw))
	for name := range doc.Components.Schemas {
		_, err := c.Compile("openapi.json#/components/schemas/" + name)
		require.NoError(t, err, name)
	}
	for _, part := range strings.Split(string(text), `"$ref": "#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		require.Contains(t, doc.Components.Schemas, name)
	}

	s, err := c.Compile("openapi.json#/components/schemas/PurgeRequest")
	require.NoError(t, err)
	for body, ok := range map[string]bool{
		`{"select":{"tags":["a"]}}`:                 true,
		`{"select":{"all":true},"mode":"soft"}`:     true,
		`{"select":{}}`:                             false,
		`{"select":{"tags":["a"],"all":true}}`:      false,
		`{"select":{"tags":["a"]},"mode":"middle"}`: false,
		`{}`: false,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		require.NoError(t, err)
		require.Equal(t, ok, s.Validate(v) == nil, body)
	}
}
