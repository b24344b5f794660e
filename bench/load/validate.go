package load

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"math"
	"net/http"
	"time"

	"golang.org/x/net/http/httpguts"
)

func (p *plan) checkNumbers() error {
	switch {
	case int(p.Proto) >= len(protoNames):
		return fieldErrorf("proto", "must be one of h1, h2, h3")
	case int(p.Choice) >= len(choiceNames):
		return fieldErrorf("choice", "must be one of uniform, zipf, sequence, scan")
	case int(p.Spacing) >= len(spacingNames):
		return fieldErrorf("spacing", "must be one of constant, poisson")
	case p.Method != http.MethodGet && p.Method != http.MethodHead:
		return fieldErrorf("method", "must be GET or HEAD, not %.20q", p.Method)
	case math.IsNaN(p.Rate) || p.Rate < 0 || p.Rate > MaxRate || (p.Rate > 0 && p.Rate < 0.01):
		return fieldErrorf("rate", "must be 0 (closed loop) or from 0.01 to %d requests per second, not %v", MaxRate, p.Rate)
	case math.IsNaN(p.ZipfS) || p.ZipfS < 0 || p.ZipfS > 10:
		return fieldErrorf("zipf-s", "must be more than 0 and at most 10, not %v", p.ZipfS)
	case p.Connections < 1 || p.Connections > MaxConnections:
		return fieldErrorf("connections", "must be from 1 to %d, not %d", MaxConnections, p.Connections)
	case !p.Proto.multiplexed() && p.Streams != 1:
		return fieldErrorf("streams", "must be 1 over h1, which carries one request at a time on a connection, not %d", p.Streams)
	case p.Fresh && p.Proto != H1:
		return fieldErrorf("fresh", "must be absent over %s: a connection carries many requests there", p.Proto)
	case p.Streams < 1 || p.Streams > MaxStreams:
		return fieldErrorf("streams", "must be from 1 to %d, not %d", MaxStreams, p.Streams)
	case p.Connections*p.Streams > MaxWorkers:
		return fieldErrorf("connections", "times streams must be at most %d, not %d", MaxWorkers, p.Connections*p.Streams)
	case p.Requests < 0 || p.Requests > MaxRequests:
		return fieldErrorf("requests", "must be from 0 to %d, not %d", MaxRequests, p.Requests)
	}
	if err := p.checkTimes(); err != nil {
		return err
	}
	for _, pid := range p.PIDs {
		if pid < 1 {
			return fieldErrorf("pid", "must be the id of a process, not %d", pid)
		}
	}
	return nil
}

func (p *plan) checkTimes() error {
	for _, d := range []struct {
		field    string
		value    time.Duration
		min, max time.Duration
	}{
		{"warmup", p.Warmup, 0, MaxDuration},
		{"duration", p.Duration, time.Millisecond, MaxDuration},
		{"timeout", p.Timeout, time.Millisecond, MaxTimeout},
		{"progress-every", p.ProgressEvery, 50 * time.Millisecond, MaxDuration},
	} {
		if d.value < d.min || d.value > d.max {
			return fieldErrorf(d.field, "must be from %v to %v, not %v", d.min, d.max, d.value)
		}
	}
	if n := p.Rate * (p.Warmup + p.Duration).Seconds(); n > MaxRequests && (p.Requests == 0 || p.Rate*p.Warmup.Seconds() > MaxRequests) {
		return fieldErrorf("rate", "times duration must be at most %d requests, not %.0f", MaxRequests, n)
	}
	return nil
}

func (p *plan) checkHeader() error {
	if len(p.Header) > MaxHeader {
		return fieldErrorf("header", "may be given at most %d times, not %d", MaxHeader, len(p.Header))
	}
	for _, f := range p.Header {
		if !httpguts.ValidHeaderFieldName(f.Name) {
			return fieldErrorf("header", "must be 'Name: value' with a field name of token characters, not %.60q", f.Name)
		}
		if !httpguts.ValidHeaderFieldValue(f.Value) || len(f.Value) > 8<<10 {
			return fieldErrorf("header", "%s must have a value of visible characters, at most 8192", f.Name)
		}
		switch http.CanonicalHeaderKey(f.Name) {
		case "Connection", "Content-Length", "Transfer-Encoding", "Te", "Upgrade", "Keep-Alive", "Proxy-Connection":
			return fieldErrorf("header", "%s is not for a request without a body on a kept connection", f.Name)
		}
	}
	return nil
}

func (p *plan) checkTrust() error {
	if len(p.CA) == 0 {
		return nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // no system roots: those given are all there are
	}
	found := false
	for rest := p.CA; ; {
		var block *pem.Block
		if block, rest = pem.Decode(bytes.TrimSpace(rest)); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fieldErrorf("ca", "must hold PEM certificates: %v", err)
		}
		roots.AddCert(cert)
		found = true
	}
	if !found {
		return fieldErrorf("ca", "must hold at least one PEM certificate")
	}
	p.roots = roots
	return nil
}
