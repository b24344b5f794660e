package compare

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/letteros/letteredge/bench/load"
	"github.com/letteros/letteredge/bench/load/bare"
)

// Process is a peer that serves.
type Process struct {
	Peer
	URL    string // of the clear-text listener, without a slash at its end
	TLSURL string
	CA     []byte // to trust on TLSURL

	cmd   *exec.Cmd
	said  *bytes.Buffer
	ended chan struct{}
	dir   string
}

const (
	startLimit = 30 * time.Second
	stopLimit  = 10 * time.Second
	pollEvery  = 50 * time.Millisecond
)

// Start runs a peer in front of an origin, with so many bytes to keep answers
// in, and returns once it serves. The caller calls Stop.
func Start(ctx context.Context, peer Peer, origin string, capacity int64) (p *Process, err error) {
	if capacity < MinCapacity {
		return nil, &load.FieldError{Field: "capacity", Reason: fmt.Sprintf("must be at least %d bytes", MinCapacity)}
	}
	dir, err := os.MkdirTemp("", "edgebench-"+peer.Name+"-")
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", peer.Name, err)
	}
	p = &Process{Peer: peer, dir: dir, said: &bytes.Buffer{}, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			err = fmt.Errorf("start %s: %w", peer.Name, errors.Join(err, os.RemoveAll(dir)))
		}
	}()
	s, err := p.setup(origin, capacity)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(peer.Path, peer.kind.args(s)...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.said, p.said
	ownGroup(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	err = p.serves(ctx)
	if err == nil && peer.kind.ready != nil {
		if err = peer.kind.ready(ctx, s); err == nil {
			err = p.serves(ctx) // a quota that is set begins with nothing to spend
		}
	}
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("%w: %.2000s", err, p.said)
	}
	return p, nil
}

// setup writes the configuration.
func (p *Process) setup(origin string, capacity int64) (setup, error) {
	s := setup{dir: p.dir, origin: origin, bytes: capacity, cert: filepath.Join(p.dir, "server.pem"), token: rand.Text()}
	cert, err := bare.NewCertificate()
	if err != nil {
		return s, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return s, err
	}
	s.plain, s.tls, s.admin = ports[0], ports[1], ports[2]
	p.URL, p.TLSURL, p.CA = "http://"+s.plain, "https://"+s.tls, cert.CA
	files := p.kind.files(s)
	if files == nil {
		files = map[string]string{}
	}
	files["server.pem"] = string(cert.CA) + string(cert.Key)
	for name, text := range files {
		path := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return s, err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return s, err
		}
	}
	return s, nil
}

// freePorts returns loopback addresses that nobody listens on now. Somebody
// may by the time that the peer does: then it does not start, and says so.
func freePorts(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // nothing was said on it
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr) // made by freePorts
	return port
}

// serves waits for the first answer.
func (p *Process) serves(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		a, err := load.Fetch(ctx, load.Config{URLs: []string{p.URL + "/ready"}})
		if err == nil && a.Status == 200 {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("answers with status %d", a.Status)
		}
		select {
		case <-p.ended:
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("it does not serve after %v: %w", startLimit, err)
		case <-time.After(pollEvery):
		}
	}
}

// kill ends its process group.
func (p *Process) kill() {
	killGroup(p.cmd)
	<-p.ended
}

// Stop ends the peer and removes what it kept.
func (p *Process) Stop() error {
	endGroup(p.cmd)
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
	}
	p.kill()
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	return nil
}
