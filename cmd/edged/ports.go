package main

import (
	"errors"
	"fmt"
	"net"
)

// ports are the addresses of one node. They are written into its file, so that
// it can be started again by hand at the same place.
type ports struct{ plain, secure, admin string }

// freePorts finds addresses for n nodes: it holds all of them at once, so that
// no two are the same, and lets go for the nodes to take.
func freePorts(n int) ([]ports, error) {
	var held []interface{ Close() error }
	defer func() {
		for _, h := range held {
			_ = h.Close()
		}
	}()
	tcp := func() (string, error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		held = append(held, ln)
		return ln.Addr().String(), nil
	}
	all := make([]ports, n)
	for i := range all {
		var errs [3]error
		all[i].plain, errs[0] = tcp()
		all[i].admin, errs[1] = tcp()
		all[i].secure, errs[2] = dualPort(&held)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("find free ports: %w", err)
		}
	}
	return all, nil
}

// dualPort finds a port that is free for TCP and for UDP, on 127.0.0.1 and, if
// the machine has it, on ::1.
func dualPort(held *[]interface{ Close() error }) (string, error) {
	var last error
	for range 100 {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		port := ln.Addr().(*net.TCPAddr).Port
		*held = append(*held, ln)
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			last = err
			continue
		}
		*held = append(*held, udp)
		if six, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", port)); err == nil {
			*held = append(*held, six)
		}
		return fmt.Sprintf("localhost:%d", port), nil
	}
	return "", last
}
