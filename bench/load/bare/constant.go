package bare

import "net/http"

// constant is the handler of h2 and h3: it assigns prebuilt values, which both
// libraries only read.
type constant struct {
	status int
	names  []string
	values [][]string
	body   []byte
}

func newConstant(spec Spec) *constant {
	c := &constant{status: spec.Status, body: spec.Body}
	at := map[string]int{}
	for _, f := range spec.Fields {
		name := http.CanonicalHeaderKey(f.Name)
		i, ok := at[name]
		if !ok {
			i = len(c.names)
			at[name] = i
			c.names, c.values = append(c.names, name), append(c.values, nil)
		}
		c.values[i] = append(c.values[i], f.Value)
	}
	if _, ok := at["Content-Type"]; !ok {
		// nil keeps net/http from guessing one: the node sent none.
		c.names, c.values = append(c.names, "Content-Type"), append(c.values, nil)
	}
	return c
}

func (c *constant) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	for i, name := range c.names {
		h[name] = c.values[i]
	}
	w.WriteHeader(c.status)
	if len(c.body) > 0 {
		_, _ = w.Write(c.body) // a client that has gone counts it itself
	}
}
