package config

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// origins checks the origins and returns their names.
func (k *checker) origins(list []Origin) []string {
	var names []string
	if len(list) == 0 {
		k.bad("origins", "must have at least one origin")
	}
	for i, o := range list {
		at := fmt.Sprintf("origins[%d]", i)
		k.name(at+".name", o.Name)
		if slices.Contains(names, o.Name) {
			k.bad(at+".name", "is %q, as another origin's; names must be unique", o.Name)
		}
		names = append(names, o.Name)
		if len(o.Servers) == 0 {
			k.originURL(at+".url", o.URL)
		} else {
			k.servers(at, o)
		}
		k.count(at+".breaker.failures", o.Breaker.Failures, 0, 1_000_000)
		k.duration(at+".breaker.pause", o.Breaker.Pause, time.Millisecond, time.Hour)
		k.duration(at+".breaker.max_pause", o.Breaker.MaxPause, o.Breaker.Pause.Std(), time.Hour)
		k.outlier(at+".outlier", o)
		k.duration(at+".health.interval", o.Health.Interval, 100*time.Millisecond, time.Hour)
		switch {
		case o.Health.Path == "":
		case !strings.HasPrefix(o.Health.Path, "/") || !isASCII(o.Health.Path) || strings.Contains(o.Health.Path, "#"):
			k.bad(at+".health.path", "is %q; must be a path such as /healthz", o.Health.Path)
		case o.Breaker.Failures == 0:
			k.bad(at+".health.path", "needs breaker.failures: failures count for the breaker, which is off")
		}
		k.duration(at+".hedge_after", o.HedgeAfter, 0, time.Hour)
		k.count(at+".retries", o.Retries, 0, 5)
		if o.Group != o.Name {
			k.name(at+".group", o.Group)
		}
		k.count(at+".max_in_flight", o.MaxInFlight, 1, 100_000)
		k.duration(at+".timeouts.connect", o.Timeouts.Connect, time.Millisecond, 5*time.Minute)
		k.duration(at+".timeouts.header", o.Timeouts.Header, time.Millisecond, time.Hour)
		k.duration(at+".timeouts.body", o.Timeouts.Body, time.Millisecond, time.Hour)
		https := strings.HasPrefix(o.URL, "https:") || slices.ContainsFunc(o.Servers, func(s Server) bool { return strings.HasPrefix(s.URL, "https:") })
		if o.CA != "" && !https {
			k.bad(at+".ca", "must be empty unless the url is https")
		}
	}
	return names
}

func (k *checker) outlier(at string, o Origin) {
	out := o.Outlier
	k.share(at+".ratio", out.Ratio)
	if out.Ratio > 0 && len(o.Servers) < 2 {
		k.bad(at+".ratio", "needs several servers: there is nobody to take the place of one")
	}
	k.count(at+".requests", out.Requests, 1, 1_000_000)
	k.duration(at+".interval", out.Interval, 100*time.Millisecond, time.Hour)
	k.duration(at+".pause", out.Pause, time.Millisecond, time.Hour)
	k.duration(at+".max_pause", out.MaxPause, out.Pause.Std(), 24*time.Hour)
	k.share(at+".max_ejected", out.MaxEjected)
	k.share(at+".panic", out.Panic)
}

func (k *checker) share(at string, v float64) {
	if !(v >= 0 && v <= 1) {
		k.bad(at, "is %v; must be from 0 to 1", v)
	}
}

// maxServers bounds an origin's servers: each fetch looks at all.
const maxServers = 64

// servers checks those of the origin at at.
func (k *checker) servers(at string, o Origin) {
	if o.URL != "" {
		k.bad(at+".url", "must be empty where servers are given")
	}
	if len(o.Servers) > maxServers {
		k.bad(at+".servers", "must be at most %d", maxServers)
	}
	sum := 0.0
	var seen []string
	for i, s := range o.Servers {
		one := fmt.Sprintf("%s.servers[%d]", at, i)
		k.originURL(one+".url", s.URL)
		if slices.Contains(seen, s.URL) {
			k.bad(one+".url", "is %q, as another server's", s.URL)
		}
		seen = append(seen, s.URL)
		if !(s.Weight > 0 && s.Weight <= 1) {
			k.bad(one+".weight", "is %v; must be above 0 and at most 1", s.Weight)
		}
		sum += s.Weight
	}
	// Written with a few decimals, a third is not exact.
	if math.Abs(sum-1) > 0.001 || math.IsNaN(sum) {
		k.bad(at+".servers", "have weights that sum to %.4g; must be 1", sum)
	}
}

func (k *checker) originURL(path, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		k.bad(path, `is %q; must be http:// or https:// with a host, and a port if it is not the usual one, and nothing after it, such as "http://127.0.0.1:3000"`, text)
		return
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			k.bad(path, "has the port %q; must be from 1 to 65535", port)
		}
	}
	if net.ParseIP(u.Hostname()) == nil {
		k.host(path, u.Hostname())
	}
}

func (k *checker) origin(path, name string, origins []string) {
	if slices.Contains(origins, name) {
		return
	}
	if len(origins) == 0 {
		k.bad(path, "must name an origin")
		return
	}
	k.bad(path, "is %q; must name an origin: %s", name, strings.Join(origins, ", "))
}
