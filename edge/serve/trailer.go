package serve

import (
	"github.com/valyala/fasthttp"

	"github.com/letteros/letteredge/edge"
)

// trailers announces the trailer fields of a reply whose content is chunked, which
// has a place for them, and returns what puts their values there once the content
// has ended. It is nil where there are none.
func trailers(hdr *fasthttp.ResponseHeader, rep *edge.Reply) func() {
	if rep.Trailer == nil || rep.Length >= 0 {
		return nil
	}
	for _, name := range rep.Announced {
		_ = hdr.AddTrailer(name) // refused where it may not trail
	}
	ended := rep.Trailer
	return func() {
		values := map[string]string{}
		for _, f := range ended() {
			if v, ok := values[f.Name]; ok {
				f.Value = v + ", " + f.Value // fasthttp has one line for each name
			}
			values[f.Name] = f.Value
		}
		for name, value := range values {
			hdr.SetCanonical([]byte(name), []byte(value))
		}
	}
}
