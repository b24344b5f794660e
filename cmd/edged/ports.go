package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

// ports are the addresses of one node. They are written into its file, so that
// it can be started again by hand at the same place.
type ports struct {
	plain, secure, admin string
	peer, lan, wan       string // the cluster's
}

// portRange is where a demo takes ports from, both ends included.
type portRange struct{ first, last int }

// The ports that are tried unless others are named lie below those from which
// systems take the ports of outgoing connections and of listeners without one
// (Linux from 32768, others from 49152), so that nobody is given one between its
// choice and its node's start, or while its node is dead.
const defaultPorts = "20000-31999"

// minPorts is how many a range must have: at most 32 nodes take six each, and are
// to find theirs by chance.
const minPorts = 300

func parsePorts(text string) (portRange, error) {
	first, last, _ := strings.Cut(text, "-")
	var r portRange
	var err, err2 error
	r.first, err = strconv.Atoi(first)
	r.last, err2 = strconv.Atoi(last)
	if err != nil || err2 != nil || r.first < 1024 || r.last > 65535 || r.last-r.first+1 < minPorts {
		return r, fmt.Errorf("%q: must be FIRST-LAST, at least %d ports within 1024-65535, as in %s", text, minPorts, defaultPorts)
	}
	return r, nil
}

// freePorts finds addresses for n nodes: it holds all of them at once, so that
// no two are the same, and lets go for the nodes to take.
func freePorts(from portRange, n int) ([]ports, error) {
	var held reservation
	defer held.release()
	all := make([]ports, n)
	for i := range all {
		p := &all[i]
		for _, want := range []struct {
			addr *string
			host string
			udp  bool
		}{
			{&p.plain, "127.0.0.1", false}, {&p.admin, "127.0.0.1", false}, {&p.secure, "localhost", true},
			{&p.peer, "127.0.0.1", true}, {&p.lan, "127.0.0.1", true}, {&p.wan, "127.0.0.1", true},
		} {
			port, err := held.find(from, want.udp, want.host == "localhost")
			if err != nil {
				return nil, fmt.Errorf("find free ports: %w", err)
			}
			*want.addr = fmt.Sprintf("%s:%d", want.host, port)
		}
	}
	return all, nil
}

// reservation holds ports by listening on them.
type reservation []interface{ Close() error }

func (r *reservation) release() {
	for _, h := range *r {
		_ = h.Close()
	}
	*r = nil
}

// find holds a port that is free for TCP and, if udp is set, for UDP, on
// 127.0.0.1 and, with both set, wherever the machine has it on ::1.
func (r *reservation) find(from portRange, udp, both bool) (uint16, error) {
	var last error
	for range 100 {
		port := uint16(from.first + rand.IntN(from.last-from.first+1))
		ln, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if last = err; err != nil {
			continue
		}
		*r = append(*r, ln)
		if !udp {
			return port, nil
		}
		if last = r.datagram("127.0.0.1", port); last != nil {
			continue
		}
		if both && hasIPv6() {
			six, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", port))
			if last = err; err != nil {
				continue
			}
			*r = append(*r, six)
			if last = r.datagram("::1", port); last != nil {
				continue
			}
		}
		return port, nil
	}
	return 0, last
}

// take holds an address, for TCP and UDP.
func (r *reservation) take(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	*r = append(*r, ln)
	c, err := net.ListenPacket("udp", addr)
	if err == nil {
		*r = append(*r, c)
	}
	return err
}

func (r *reservation) datagram(ip string, port uint16) error {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip), Port: int(port)})
	if err == nil {
		*r = append(*r, c)
	}
	return err
}

func hasIPv6() bool {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	_ = ln.Close()
	return true
}
