package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// Text writes c as a file that Load reads: the commented defaults with c's values,
// or, where c says more than these have a line for, its fields alone. The error is
// an *Error where c is not valid.
func (c Config) Text() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	text, err := c.commented()
	if err == nil {
		return text, nil
	}
	if !errors.Is(err, errNoLine) {
		return nil, fmt.Errorf("write configuration of %s: %w", c.Node.ID, err)
	}
	if text, err = yaml.Marshal(c); err != nil {
		return nil, fmt.Errorf("write configuration of %s: %w", c.Node.ID, err)
	}
	return text, nil
}

// errNoLine says that the defaults have no line for something.
var errNoLine = errors.New("the defaults have no line for it")

// commented puts what files of nodes differ in into the defaults, and holds the
// result against c.
func (c Config) commented() ([]byte, error) {
	if len(c.Origins) != 1 {
		return nil, errNoLine
	}
	k, d := c.Cluster, Default()
	values := map[string]string{}
	for _, v := range []struct{ at, now, then string }{
		{"node.id", c.Node.ID, d.Node.ID}, {"node.region", c.Node.Region, d.Node.Region},
		{"listen.http", c.Listen.HTTP, d.Listen.HTTP}, {"listen.tls", c.Listen.TLS, d.Listen.TLS}, {"listen.admin", c.Listen.Admin, d.Listen.Admin},
		{"cluster.name", k.Name, ""}, {"cluster.listen", k.Listen, ""}, {"cluster.lan", k.LAN, ""}, {"cluster.wan", k.WAN, ""},
		{"cluster.cert", k.Cert, ""}, {"cluster.key", k.Key, ""}, {"cluster.ca", k.CA, ""}, {"cluster.keyring", k.Keyring, ""},
		{"tls.cert", c.TLS.Cert, ""}, {"tls.key", c.TLS.Key, ""}, {"tls.ca", c.TLS.CA, ""}, {"state.dir", c.State.Dir, d.State.Dir},
		{"origins.url", c.Origins[0].URL, d.Origins[0].URL}, {"log.level", string(c.Log.Level), string(d.Log.Level)},
		{"cluster.soak", k.Soak.String(), d.Cluster.Soak.String()},
	} {
		if v.now != v.then {
			values[v.at] = fmt.Sprintf("%q", v.now)
		}
	}
	var voters, tokens []string
	for _, v := range k.Voters {
		voters = append(voters, fmt.Sprintf("{id: %q, region: %q, address: %q}", v.ID, v.Region, v.Address))
	}
	for _, t := range c.Tokens {
		tokens = append(tokens, fmt.Sprintf("{name: %q, hash: %q, scopes: [%s]}", t.Name, t.Hash, quoted(t.Scopes)))
	}
	for at, list := range map[string]string{
		"cluster.voters": strings.Join(voters, ", "), "cluster.join.lan": quoted(k.Join.LAN), "cluster.join.wan": quoted(k.Join.WAN),
		"tls.names": quoted(c.TLS.Names), "tokens": strings.Join(tokens, ", "),
	} {
		if list != "" {
			values[at] = "[" + list + "]"
		}
	}
	text, err := customized(values)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(text, "\n\n") // the head says that all is at its default
	text = fmt.Sprintf("# LetterEdge: the configuration of node %s.\n\n%s", c.Node.ID, rest)
	read, err := Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(plain(read), plain(c)) {
		return nil, errNoLine
	}
	return []byte(text), nil
}

// quoted are the elements of a list in YAML.
func quoted(list []string) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(texts, ", ")
}

// plain makes lists without elements the same, whether or not they are there.
func plain(c Config) Config {
	for _, list := range []*[]string{&c.TLS.Names, &c.Admin.AllowedHosts, &c.Cluster.Join.LAN, &c.Cluster.Join.WAN} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if len(c.Tokens) == 0 {
		c.Tokens = nil
	}
	if len(c.Cluster.Voters) == 0 {
		c.Cluster.Voters = nil
	}
	return c
}
