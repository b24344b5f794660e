package edge

import "slices"

// draft is a response in the making: lists that can still be changed, texts that
// may be the upstream's.
type draft struct {
	Status int
	Fields []Field // sorted by name; equal names adjacent, in the order received
	Body   []byte
	// ETag is the entity tag readers see, with quotes; "" if there is none.
	ETag string
	// LastModified is the field's value as received; "" if there is none. On
	// artifact routes it validates with the upstream and is not shown.
	LastModified string
	// upstreamETag is the validator of the upstream that the body came from; it
	// differs from ETag where the edge derives its own.
	upstreamETag string
	// cacheStatus holds the members that tiers behind this one have added.
	cacheStatus string
	// control is the upstream's Cache-Control where readers get another one.
	control string
	// codable: readers may get it in other codings. varies: they are told so by a
	// line of this node's own.
	codable, varies bool
}

// pack makes the artifact. Its texts are one string of its own, which ends the
// upstream's hold on the memory that they were read into.
func (d *draft) pack() *Artifact {
	own := -1 // the line that this node's own stands before
	if d.varies {
		own = slices.IndexFunc(d.Fields, func(f Field) bool { return f.Name > "Vary" })
		if own < 0 {
			own = len(d.Fields)
		}
	}
	about := [kinds]string{d.ETag, d.LastModified, d.upstreamETag, d.cacheStatus, d.control}
	size := 1
	for _, text := range about {
		size += lineSize(Field{Value: text})
	}
	for _, f := range d.Fields {
		size += lineSize(f)
	}
	b := make([]byte, 0, size)
	for k, text := range about {
		if text == "" {
			continue
		}
		// Validators are mostly a line's value as well: they are kept once.
		if i := slices.IndexFunc(d.Fields, func(f Field) bool { return f.Value == text }); i >= 0 {
			if own >= 0 && i >= own {
				i++
			}
			b = appendIndex(append(b, byte(kind(k)|isLine)), i)
		} else {
			b = appendText(append(b, byte(k)), text)
		}
	}
	a := &Artifact{Status: d.Status, Body: d.Body, from: uint32(len(b)), codable: d.codable}
	for i, f := range d.Fields {
		if i == own {
			b = append(b, ownVary)
		}
		b = appendLine(b, f)
		a.digested = a.digested || digestsContent(f.Name)
	}
	if own == len(d.Fields) {
		b = append(b, ownVary)
	}
	a.lines = lines(b)
	return a
}

// unpack is the draft that a was packed from, before anything was offered of it; its
// texts are views of a's.
func (a *Artifact) unpack() *draft {
	d := &draft{
		Status: a.Status, Body: a.Body, ETag: a.ETag(), LastModified: a.LastModified(),
		upstreamETag: a.about(aboutUpstreamETag), cacheStatus: a.about(aboutCacheStatus), control: a.about(aboutControl),
	}
	d.Fields = a.fields(0)
	return d
}
