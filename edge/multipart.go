package edge

import "crypto/rand"

// multipart makes the reply one of several parts (RFC 9110 §14.6). Its body is made
// for this answer: the parts lie apart in the stored one.
func (x *Exchange) multipart(parts []span, size int64) {
	boundary := rand.Text() // 128 bits that no content can have been made to hold
	typ := x.Rep.Art.Get("Content-Type")
	length := 0
	for _, s := range parts {
		length += int(s.length()) + len(typ) + len(boundary) + 128
	}
	whole, b := x.Rep.Body, make([]byte, 0, length)
	for _, s := range parts {
		b = append(b, "--"...)
		b = append(b, boundary...)
		if typ != "" {
			b = append(b, "\r\nContent-Type: "...)
			b = append(b, typ...)
		}
		b = append(b, "\r\nContent-Range: "...)
		b = s.appendTo(b, size)
		b = append(b, "\r\n\r\n"...)
		b = append(b, whole[s.first:s.last+1]...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "--"...)
	b = append(b, boundary...)
	b = append(b, "--\r\n"...)
	x.Rep.Status, x.Rep.Body, x.Rep.Length = 206, b, int64(len(b))
	x.Rep.Skip |= SkipType
	from := len(x.buf)
	x.buf = append(x.buf, "multipart/byteranges; boundary="...)
	x.buf = append(x.buf, boundary...)
	x.add("Content-Type", from)
}
