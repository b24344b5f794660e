package abuse

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"time"
)

// H2 is what an abusive client of HTTP/2 says on one connection: its field blocks build
// on those before them.
type H2 struct {
	Name string
	// Open is said first, the preface with it.
	Open []byte
	// Round is said on and on, counted from 0; nil for a client that says no more.
	// What it returns is good until it is called again.
	Round func(i int) []byte
	// Deaf takes no byte of what the server says.
	Deaf bool
}

// NoCode stands for a server that ended a connection without a word.
const NoCode = 0xffff

const (
	frameHeader = 9
	typeGoAway  = 7
	// batch is how much is written at once: what a flood costs the client itself
	// should not be what bounds it.
	batch = 4 << 10
)

// Run says it, with at most so many rounds, and waits until the server has ended the
// connection, or for as long as its patience lasts. The code is of the last GOAWAY.
func (a H2) Run(conn net.Conn, rounds int, patience time.Duration) (code uint32, ended bool) {
	_ = conn.SetDeadline(time.Now().Add(patience)) // fails only on a connection that is over
	type end struct {
		code  uint32
		ended bool
	}
	heard := make(chan end, 1)
	if a.Deaf {
		heard <- end{NoCode, false}
	} else {
		go func() {
			code, err := listen(conn)
			late, ok := err.(net.Error)
			heard <- end{code, !ok || !late.Timeout()}
		}()
	}
	err := a.say(conn, rounds)
	got := <-heard
	if a.Deaf {
		late, ok := err.(net.Error)
		got.ended = err != nil && (!ok || !late.Timeout())
	}
	return got.code, got.ended
}

// say ends early if the connection does.
func (a H2) say(conn net.Conn, rounds int) error {
	w := bufio.NewWriterSize(conn, batch)
	if _, err := w.Write(a.Open); err != nil {
		return err
	}
	for i := 0; i < rounds && a.Round != nil; i++ {
		if _, err := w.Write(a.Round(i)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// listen reads until the connection ends.
func listen(conn net.Conn) (code uint32, err error) {
	code = NoCode
	r := bufio.NewReader(conn)
	head := make([]byte, frameHeader)
	for {
		if _, err := io.ReadFull(r, head); err != nil {
			return code, err
		}
		length := int64(binary.BigEndian.Uint32(head) >> 8)
		if head[3] == typeGoAway && length >= 8 {
			if _, err := io.ReadFull(r, head[:8]); err != nil {
				return code, err
			}
			code, length = binary.BigEndian.Uint32(head[4:]), length-8
		}
		if _, err := io.CopyN(io.Discard, r, length); err != nil {
			return code, err
		}
	}
}
