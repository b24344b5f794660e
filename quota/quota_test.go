package quota

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseDefaults(t *testing.T) {
	q, err := Parse("b2b", []byte(`{"rps":200}`))
	require.NoError(t, err)
	require.Equal(t, New("b2b", 200), q)
	text, err := json.Marshal(q)
	require.NoError(t, err)
	require.Equal(t, `{"segment":"b2b","rps":200,"burst":400,"scope":"global","overflow":"reject",`+
		`"mode":"enforce","priority":5,"partition":"strict"}`, string(text))
}

func TestParseAllFields(t *testing.T) {
	text := `{"segment":"_default","rps":0.5,"burst":7,"scope":"node","overflow":"degrade",` +
		`"mode":"shadow","priority":0,"partition":"strict"}`
	q, err := Parse(Default, []byte(text))
	require.NoError(t, err)
	require.Equal(t, Quota{Segment: Default, RPS: 0.5, Burst: 7, Scope: ScopeNode, Overflow: OverflowDegrade,
		Mode: ModeShadow}, q)
	again, err := json.Marshal(q)
	require.NoError(t, err)
	require.Equal(t, text, string(again))
	var unmarshalled Quota
	require.NoError(t, json.Unmarshal(again, &unmarshalled))
	require.Equal(t, q, unmarshalled)
}

func TestDefaultBurst(t *testing.T) {
	for rps, burst := range map[float64]int{
		1e-300: 1, 0.001: 1, 0.5: 1, 0.6: 2, 1: 2, 2.25: 5, 200: 400, MaxRPS: 2 * MaxRPS,
		0: 0, -1: 0, MaxRPS + 1: 0, math.Inf(1): 0,
	} {
		require.Equal(t, burst, DefaultBurst(rps), "rps %v", rps)
	}
	require.Zero(t, DefaultBurst(math.NaN()))
}

func TestParseRefuses(t *testing.T) {
	const rps = "must be a number above 0 and at most 10000000"
	const burst = "must be a whole number from 1 to 1000000000"
	const priority = "must be a whole number from 0 to 9"
	for body, want := range map[string]string{
		``:                                  `body must be a JSON object such as {"rps":200}`,
		`null`:                              `body must be a JSON object such as {"rps":200}`,
		`[]`:                                `body must be a JSON object such as {"rps":200}`,
		`200`:                               `body must be a JSON object such as {"rps":200}`,
		`{`:                                 "body must be valid JSON, which ends at byte 1",
		`{"rps":`:                           "body must be valid JSON, which ends at byte 7",
		`{"rps":200`:                        "body must be valid JSON, which ends at byte 10",
		`{"rps":NaN}`:                       "body must be valid JSON, which ends at byte 7",
		`{"rps":200}{}`:                     "body must end after the JSON object",
		`{"rps":200} x`:                     "body must end after the JSON object",
		`{}`:                                "rps is required and " + rps,
		`{"burst":3}`:                       "rps is required and " + rps,
		`{"rps":null}`:                      "rps " + rps,
		`{"rps":"200"}`:                     "rps " + rps,
		`{"rps":{}}`:                        "rps " + rps,
		`{"rps":0}`:                         "rps " + rps,
		`{"rps":-0.0}`:                      "rps " + rps,
		`{"rps":-1}`:                        "rps " + rps,
		`{"rps":1e-400}`:                    "rps " + rps,
		`{"rps":1e400}`:                     "rps " + rps,
		`{"rps":10000000.1}`:                "rps " + rps,
		`{"rps":1,"burst":0}`:               "burst " + burst,
		`{"rps":1,"burst":-1}`:              "burst " + burst,
		`{"rps":1,"burst":1.5}`:             "burst " + burst,
		`{"rps":1,"burst":"2"}`:             "burst " + burst,
		`{"rps":1,"burst":null}`:            "burst " + burst,
		`{"rps":1,"burst":1000000001}`:      "burst " + burst,
		`{"rps":1,"burst":1e300}`:           "burst " + burst,
		`{"rps":1,"priority":10}`:           "priority " + priority,
		`{"rps":1,"priority":-1}`:           "priority " + priority,
		`{"rps":1,"priority":true}`:         "priority " + priority,
		`{"rps":1,"scope":"planet"}`:        `scope must be "global", "region" or "node"`,
		`{"rps":1,"scope":"Global"}`:        `scope must be "global", "region" or "node"`,
		`{"rps":1,"scope":0}`:               `scope must be a string`,
		`{"rps":1,"scope":null}`:            `scope must be a string`,
		`{"rps":1,"overflow":""}`:           `overflow must be "reject", "stale" or "degrade"`,
		`{"rps":1,"mode":"off"}`:            `mode must be "enforce" or "shadow"`,
		`{"rps":1,"partition":"x"}`:         `partition must be "strict"; "share" and "open" need limits that are lent by demand, which are not there yet`,
		`{"rps":1,"partition":"share"}`:     `partition must be "strict"; "share" and "open" need limits that are lent by demand, which are not there yet`,
		`{"rps":1,"partition":"open"}`:      `partition must be "strict"; "share" and "open" need limits that are lent by demand, which are not there yet`,
		`{"rps":1,"segment":"b2c"}`:         `segment must be that of the path, "b2b"`,
		`{"rps":1,"segment":""}`:            `segment must be that of the path, "b2b"`,
		`{"rps":1,"segment":2}`:             `segment must be a string`,
		`{"rps":1,"rate":2}`:                `"rate" is not a field of a quota; those are segment, rps, burst, scope, overflow, mode, priority, partition`,
		`{"rps":1,"RPS":2}`:                 `"RPS" is not a field of a quota; those are segment, rps, burst, scope, overflow, mode, priority, partition`,
		`{"rps":1,"rps":2}`:                 `rps is given twice`,
		strings.Repeat(" ", 5000) + `{}`:    `body must be at most 4096 bytes long`,
		`{"x":` + strings.Repeat("[", 4000): "body must be valid JSON, which ends at byte 5",
	} {
		q, err := Parse("b2b", []byte(body))
		require.EqualError(t, err, want, "%s", body)
		var invalid ErrInvalid
		require.ErrorAs(t, err, &invalid, "%s", body)
		require.Zero(t, q, "%s", body)
	}
	for _, segment := range []string{"", "B2B", "_other", "a b", "é", `a"`, strings.Repeat("a", 65)} {
		_, err := Parse(segment, []byte(`{"rps":1}`))
		require.EqualError(t, err, "segment must match [a-z][a-z0-9_-]{0,63} or be _default", "%q", segment)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for field, spoil := range map[string]func(*Quota){
		"segment":   func(q *Quota) { q.Segment = "" },
		"rps":       func(q *Quota) { q.RPS = math.NaN() },
		"burst":     func(q *Quota) { q.Burst = 0 },
		"scope":     func(q *Quota) { q.Scope = 3 },
		"overflow":  func(q *Quota) { q.Overflow = 3 },
		"mode":      func(q *Quota) { q.Mode = 2 },
		"priority":  func(q *Quota) { q.Priority = 10 },
		"partition": func(q *Quota) { q.Partition = 3 },
	} {
		q := New("b2b", 1)
		require.NoError(t, q.Validate())
		spoil(&q)
		var invalid ErrInvalid
		require.ErrorAs(t, q.Validate(), &invalid, field)
		require.Equal(t, field, invalid.Field)
	}
}

// anyQuota draws a valid quota.
func anyQuota(t *rapid.T, segment string) Quota {
	return Quota{
		Segment:   segment,
		RPS:       rapid.Float64Range(1e-9, MaxRPS).Draw(t, "rps"),
		Burst:     rapid.IntRange(1, MaxBurst).Draw(t, "burst"),
		Scope:     rapid.SampledFrom([]Scope{ScopeGlobal, ScopeRegion, ScopeNode}).Draw(t, "scope"),
		Overflow:  rapid.SampledFrom([]Overflow{OverflowReject, OverflowStale, OverflowDegrade}).Draw(t, "overflow"),
		Mode:      rapid.SampledFrom([]Mode{ModeEnforce, ModeShadow}).Draw(t, "mode"),
		Partition: rapid.SampledFrom([]Partition{PartitionStrict, PartitionShare, PartitionOpen}).Draw(t, "partition"),
		Priority:  rapid.IntRange(0, MaxPriority).Draw(t, "priority"),
	}
}

func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := anyQuota(t, rapid.StringMatching(`[a-z][a-z0-9_-]{0,63}|_default`).Draw(t, "segment"))
		text, err := json.Marshal(q)
		require.NoError(t, err)
		back, err := Parse(q.Segment, text)
		if q.Partition != PartitionStrict {
			require.ErrorAs(t, err, new(ErrInvalid))
			return
		}
		require.NoError(t, err)
		require.Equal(t, q, back)
	})
}

func FuzzQuotaJSON(f *testing.F) {
	f.Add("b2b", []byte(`{"rps":200}`))
	f.Add("b2b", []byte(`{"segment":"b2b","rps":200,"burst":400,"scope":"global","overflow":"reject","mode":"enforce","priority":5,"partition":"strict"}`))
	f.Add("", []byte(`{"segment":"_default","rps":1e-3,"burst":1.0}`))
	f.Add("b2b", []byte(`{"rps":1e400,"RPS":1}`))
	f.Add("b2b", []byte("{\"\\u0072ps\":1,\"rps\":2}"))
	f.Fuzz(func(t *testing.T, segment string, body []byte) {
		q, err := Parse(segment, body)
		if err != nil {
			var invalid ErrInvalid
			require.ErrorAs(t, err, &invalid)
			require.NotEmpty(t, invalid.Field)
			require.NotEmpty(t, invalid.Reason)
			return
		}
		require.NoError(t, q.Validate())
		if segment != "" {
			require.Equal(t, segment, q.Segment)
		}
		text, err := json.Marshal(q)
		require.NoError(t, err)
		var back Quota
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, q, back)
	})
}
