package spread

import (
	"slices"
	"time"
)

// majority is since when most voters are known to decide by the records of the
// control log up to an index.
type majority struct {
	voters []string
	said   map[string]uint64 // the highest index that each has named
	steps  []step            // both ascending
}

// step is an index that most voters had said to have, and when that was learned.
type step struct {
	index uint64
	at    time.Time
}

// maxSteps bounds the steps that are kept. For an index before the first one, that
// one counts: it was learned later.
const maxSteps = 1024

func newMajority(voters []string) *majority {
	return &majority{voters: voters, said: map[string]uint64{}}
}

// told notes that a node has the records up to index.
func (m *majority) told(node string, index uint64, now time.Time) {
	if !slices.Contains(m.voters, node) || index <= m.said[node] {
		return
	}
	m.said[node] = index
	have := make([]uint64, 0, len(m.voters))
	for _, v := range m.voters {
		have = append(have, m.said[v])
	}
	slices.Sort(have)
	most := have[(len(have)-1)/2] // more than half have so much or more
	if most == 0 || len(m.steps) > 0 && most <= m.steps[len(m.steps)-1].index {
		return
	}
	if m.steps = append(m.steps, step{most, now}); len(m.steps) > maxSteps {
		m.steps = slices.Delete(m.steps, 0, maxSteps/2)
	}
}

// since is how long ago it was learned; false if it is not known yet.
func (m *majority) since(index uint64, now time.Time) (time.Duration, bool) {
	i, _ := slices.BinarySearchFunc(m.steps, index, func(s step, index uint64) int {
		if s.index < index {
			return -1
		}
		return 1
	})
	if i == len(m.steps) {
		return 0, false
	}
	return now.Sub(m.steps[i].at), true
}
