package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/letteros/letteredge/gossip"
)

// ErrOtherBody means that the key of an order was used for another.
var ErrOtherBody = errors.New("the key was used with another body")

const (
	// KeyLife is how long the key of an order is good.
	KeyLife = 24 * time.Hour
	// askedPrefix and two hexadecimal digits of a key's digest name the record that
	// the key is in: 256 records of at most maxAsked keys. One for each key would
	// not do, as the control log keeps deleted records.
	askedPrefix = "asked/"
	maxAsked    = 64
	maxDigest   = 64 // bytes of a key, and of a body's digest
)

// asked is one such record: what was answered to orders with a key, the oldest
// first.
type asked struct {
	Answers []answer `json:"answers"`
}

// answer is what became of an order.
type answer struct {
	Key     string    `json:"key"`
	Body    string    `json:"body"`
	Rollout string    `json:"rollout,omitempty"`
	State   string    `json:"state"`
	At      time.Time `json:"at"`
}

func askedKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return askedPrefix + hex.EncodeToString(sum[:1])
}

func readAsked(rec gossip.Record) (a asked, err error) {
	if rec.Deleted || len(rec.Value) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(rec.Value, &a); err != nil {
		return asked{}, fmt.Errorf("record %s: %w", rec.Key, err)
	}
	return a, nil
}

// find returns what was answered to a key that is good still.
func (a asked) find(key string, now time.Time) (answer, bool) {
	for _, one := range a.Answers {
		if one.Key == key && now.Sub(one.At) < KeyLife {
			return one, true
		}
	}
	return answer{}, false
}

// with returns a with one more answer, without those that are not good any more
// by then, and without the oldest where there are too many. The answer's own time
// decides, not a clock of whoever applies the log: all nodes keep the same.
func (a asked) with(one answer) asked {
	var kept []answer
	for _, old := range a.Answers {
		if one.At.Sub(old.At) < KeyLife && old.Key != one.Key {
			kept = append(kept, old)
		}
	}
	kept = append(kept, one)
	return asked{kept[max(0, len(kept)-maxAsked):]}
}

// repeated returns what was answered to an order before; known is false if it was
// not, or has no key. The error is ErrOtherBody, or that of a record.
func repeated(o Order, at time.Time, now map[string]gossip.Record) (done Submitted, known bool, err error) {
	if o.Key == "" {
		return done, false, nil
	}
	a, err := readAsked(now[askedKey(o.Key)])
	if err != nil {
		return done, false, err
	}
	one, known := a.find(o.Key, at)
	if known && one.Body != o.Body {
		return done, true, ErrOtherBody
	}
	return Submitted{one.Rollout, one.State}, known, nil
}

// remember is the change that notes what is answered to an order; none for one
// without a key.
func remember(o Order, done Submitted, at time.Time, now map[string]gossip.Record) ([]gossip.Put, error) {
	if o.Key == "" {
		return nil, nil
	}
	key := askedKey(o.Key)
	a, err := readAsked(now[key])
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(a.with(answer{Key: o.Key, Body: o.Body, Rollout: done.Rollout, State: done.State, At: at.UTC()}))
	if err != nil {
		return nil, fmt.Errorf("write record %s: %w", key, err)
	}
	return []gossip.Put{{Key: key, Value: value}}, nil
}
