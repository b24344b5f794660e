package main

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/edge/config"
)

// member is a node as a cluster's folder is made for it.
type member struct {
	id, region       string
	listen, lan, wan string
	there            bool // it has a folder
}

// peerPort is where other nodes reach one, if its member does not say.
const peerPort = 7600

// UnmarshalText reads ID=REGION@HOST[:PORT].
func (m *member) UnmarshalText(text []byte) error {
	id, rest, ok := strings.Cut(string(text), "=")
	region, at, also := strings.Cut(rest, "@")
	if !ok || !also || at == "" {
		return fmt.Errorf("%q is no ID=REGION@HOST[:PORT]", text)
	}
	if !cachekey.ValidID(id) || !cachekey.ValidID(region) {
		return fmt.Errorf("%q: the id and the region must be [a-z][a-z0-9_-]{0,63}", text)
	}
	host, portText, err := net.SplitHostPort(at)
	if err != nil {
		host, portText = strings.Trim(at, "[]"), strconv.Itoa(peerPort)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < 1 || port > 65533 || host == "" {
		return fmt.Errorf("%q: the port must be from 1 to 65533, as the two after it are used, too", text)
	}
	// The pools advertise addresses: a name that is resolved differently on two
	// hosts would make two clusters of one.
	if ip, err := netip.ParseAddr(host); err != nil || ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
		return fmt.Errorf("%q: %q must be the IP address at which other nodes reach it", text, host)
	}
	place := func(offset int) string { return net.JoinHostPort(host, strconv.Itoa(port+offset)) }
	*m = member{id: id, region: region, listen: place(0), lan: place(1), wan: place(2)}
	return nil
}

func (m member) voter() config.Voter {
	return config.Voter{ID: m.id, Region: m.region, Address: m.listen}
}
