package serve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// sockets are the sockets of one configured address: one for each host it
// stands for, all with the same port number, over TCP and if asked over UDP.
type sockets struct {
	tcp []net.Listener
	udp []*net.UDPConn
}

// portTries is how often a port is picked anew because the one that TCP gave is
// taken over UDP or on the other loopback address.
const portTries = 50

// listen opens the sockets of addr.
func listen(addr string, udp bool) (*sockets, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("serve: listen on %q: %w", addr, err)
	}
	hosts, must := hostsOf(host, udp)
	for try := 1; ; try++ {
		s := &sockets{}
		err := s.open(hosts, must, port, udp)
		if err == nil {
			return s, nil
		}
		s.close()
		if port != "0" || !errors.Is(err, syscall.EADDRINUSE) || try == portTries {
			return nil, fmt.Errorf("serve: listen on %q: %w", addr, err)
		}
	}
}

// hostsOf returns the hosts that a configured one stands for, and how many of
// them, from the first, have to be there.
func hostsOf(host string, pair bool) (hosts []string, must int) {
	switch {
	case host == "localhost":
		return []string{"127.0.0.1", "::1"}, 2
	case pair && host == "127.0.0.1":
		return []string{"127.0.0.1", "::1"}, 1
	case pair && host == "::1":
		return []string{"::1", "127.0.0.1"}, 1
	}
	return []string{host}, 1
}

func (s *sockets) open(hosts []string, must int, port string, udp bool) error {
	picked := port == "0"
	for i, host := range hosts {
		err := s.openOne(host, port, udp)
		switch {
		case err == nil:
		case i > 0 && noSuchAddress(err):
			continue // a machine without IPv6
		case i >= must && !picked:
			continue // somebody else's; the configured address is served
		default:
			return err
		}
		if i == 0 {
			port = strconv.Itoa(int(s.port()))
		}
	}
	return nil
}

// openOne opens the sockets of one host, both or none.
func (s *sockets) openOne(host, port string, udp bool) error {
	ln, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	if !udp {
		s.tcp = append(s.tcp, ln)
		return nil
	}
	_, port, _ = net.SplitHostPort(ln.Addr().String()) // an address from the kernel
	pc, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
	if err != nil {
		_ = ln.Close()
		return err
	}
	s.tcp = append(s.tcp, ln)
	s.udp = append(s.udp, pc.(*net.UDPConn))
	return nil
}

func noSuchAddress(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) ||
		errors.Is(err, syscall.EPROTONOSUPPORT)
}

// addr is the first address, the zero value if there is none.
func (s *sockets) addr() netip.AddrPort {
	if s == nil || len(s.tcp) == 0 {
		return netip.AddrPort{}
	}
	a := s.tcp[0].Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (s *sockets) port() uint16 { return s.addr().Port() }

// close closes what is still open.
func (s *sockets) close() {
	if s == nil {
		return
	}
	for _, ln := range s.tcp {
		_ = ln.Close()
	}
	for _, pc := range s.udp {
		_ = pc.Close()
	}
}
