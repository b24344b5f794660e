package cachekey

import (
	"slices"
	"sort"
)

// Others says what becomes of query parameters that a rule does not name.
type Others uint8

const (
	Drop   Others = iota // they reach neither the key nor the origin
	Refuse               // a request with one is a 400 that names it
)

// Whole, as the only name of a QueryRule, keeps the query as it is.
const Whole = "*"

// QueryRule says which query parameters enter a key.
type QueryRule struct {
	// Names are the parameters that enter, sorted by name in the key, so that
	// their order in a request does not matter; one that is given several times
	// keeps the order of its values. A lone "*" keeps the whole query byte by
	// byte. None: no parameter enters.
	Names  []string
	Others Others
}

const (
	maxNames  = 64 // names in a rule
	maxParams = 64 // parameters of a request that enter its key
)

// queryRule is a QueryRule made ready: names canonical and sorted.
type queryRule struct {
	whole  bool
	names  []string
	refuse bool
}

func compileQuery(r QueryRule) (queryRule, *Error) {
	if r.Others > Refuse {
		return queryRule{}, bad("query.others", "must be drop or refuse")
	}
	if len(r.Names) > maxNames {
		return queryRule{}, badf("query.names", "must be at most %d", maxNames)
	}
	if len(r.Names) == 1 && r.Names[0] == Whole {
		return queryRule{whole: true}, nil
	}
	q := queryRule{refuse: r.Others == Refuse}
	for _, name := range r.Names {
		canonical, err := appendQuery(nil, name)
		if err != nil {
			return queryRule{}, err.in("query.names")
		}
		for _, c := range canonical {
			if c == '&' || c == '=' {
				err = bad("query.names", "must not hold & or =: percent-encode it")
			}
		}
		switch {
		case err != nil:
			return queryRule{}, err
		case name == "":
			return queryRule{}, bad("query.names", "must not hold an empty name")
		case name == Whole:
			return queryRule{}, bad("query.names", `"*" must stand alone`)
		case slices.Contains(q.names, string(canonical)):
			return queryRule{}, badf("query.names", "%s stands there twice", quote(name))
		}
		q.names = append(q.names, string(canonical))
	}
	sort.Strings(q.names)
	return q, nil
}

// rank is the place of name among the rule's, -1 for others.
func (q *queryRule) rank(name []byte) int {
	for i, n := range q.names {
		if n == string(name) {
			return i
		}
	}
	return -1
}

// param is a kept parameter: where it stands, and its name's rank.
type param struct{ rank, start, end int }

// appendCanonical appends the query that enters the key, without the "?".
func (q *queryRule) appendCanonical(dst []byte, query string, kept *[maxParams]param) ([]byte, *Error) {
	if q.whole {
		return appendWholeQuery(dst, query)
	}
	start, n, sorted := len(dst), 0, true
	for i := 0; i < len(query); {
		end := i
		for end < len(query) && query[end] != '&' {
			end++
		}
		piece := query[i:end]
		i = end + 1
		if piece == "" {
			continue
		}
		at := len(dst)
		if at > start {
			dst = append(dst, '&')
		}
		p := param{start: len(dst)}
		var err *Error
		if dst, err = appendQuery(dst, piece); err != nil {
			return dst, err
		}
		name, _ := cutParam(dst[p.start:])
		if p.rank = q.rank(name); p.rank < 0 {
			if q.refuse {
				return dst, badf("query", "the parameter %s is not allowed here", quote(string(name)))
			}
			dst = dst[:at]
			continue
		}
		if n == maxParams {
			return dst, badf("query", "must not have more than %d parameters that this route names", maxParams)
		}
		p.end = len(dst)
		sorted = sorted && (n == 0 || kept[n-1].rank <= p.rank)
		kept[n] = p
		n++
	}
	if sorted {
		return dst, nil
	}
	return sortParams(dst, start, kept[:n]), nil
}

// sortParams rewrites the parameters in dst[start:] in the order of their
// ranks, those of one rank as they came. It works in the room behind them.
func sortParams(dst []byte, start int, ps []param) []byte {
	for i := 1; i < len(ps); i++ {
		for j := i; j > 0 && ps[j].rank < ps[j-1].rank; j-- {
			ps[j], ps[j-1] = ps[j-1], ps[j]
		}
	}
	end := len(dst)
	for i, p := range ps {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, dst[p.start:p.end]...)
	}
	copy(dst[start:end], dst[end:])
	return dst[:end]
}

// appendQuery appends a query, or a part of one, with its percent-encoding
// normalised.
func appendQuery(dst []byte, query string) ([]byte, *Error) {
	for i := 0; i < len(query); i++ {
		c := query[i]
		if c == '%' {
			v, ok := unescape(query, i)
			if !ok {
				return dst, bad("query", percentRule)
			}
			i += 2
			if !unreserved(v) {
				dst = appendEscape(dst, v)
				continue
			}
			c = v
		} else if !targetByte(c) {
			return dst, badByte("query", c)
		}
		dst = append(dst, c)
	}
	return dst, nil
}

// appendWholeQuery appends a query byte by byte once its syntax is checked.
func appendWholeQuery(dst []byte, query string) ([]byte, *Error) {
	for i := 0; i < len(query); i++ {
		if c := query[i]; c == '%' {
			if _, ok := unescape(query, i); !ok {
				return dst, bad("query", percentRule)
			}
		} else if !targetByte(c) {
			return dst, badByte("query", c)
		}
	}
	return append(dst, query...), nil
}
