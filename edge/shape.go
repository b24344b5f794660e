package edge

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// hit answers from a stored slot.
func (c *Core) hit(x *Exchange, s *Slot, ttl time.Duration) {
	x.Rep.Cache.Hit = true
	x.Rep.Cache.TTL, x.Rep.Cache.HasTTL = seconds(ttl), true
	if ttl < 0 && s.retryAt.Load() > x.Now.UnixNano() {
		// Stale because the origin failed, not because a refresh is on its way.
		x.Rep.Degraded = "stale"
		if x.isolated {
			x.Rep.Degraded = "isolated"
		}
	}
	c.show(x, s)
}

// seconds rounds down, so that what is stale by any amount has a negative TTL.
func seconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d < 0 && d%time.Second != 0 {
		s--
	}
	return s
}

// show puts a slot into the reply.
func (c *Core) show(x *Exchange, s *Slot) {
	x.slot = s
	if x.isolated && x.vector != "" && x.Rep.Degraded == "" {
		x.Rep.Degraded = "isolated" // the last known target, which may be another by now
	}
	x.Rep.Status = s.Art.Status
	x.Rep.Art = s.Art
	x.Rep.Body = s.Art.Body
	x.Rep.Length = int64(len(s.Art.Body))
}

// stale serves the copy that was found where the origin failed, if its rules
// allow that, and says so.
func (c *Core) stale(x *Exchange, f found, status int) bool {
	if f.slot == nil || f.use == useRevalidate || x.previewed {
		return false
	}
	x.Rep.Cache = CacheStatus{Hit: true, TTL: seconds(f.ttl), HasTTL: true, FwdStatus: status, Detail: "origin-failed"}
	x.Rep.Degraded = "stale"
	if x.isolated {
		x.Rep.Degraded = "isolated"
	}
	c.show(x, f.slot)
	return true
}

// failed answers where no answer came: a stale copy, else an error that says
// which kind of failure it was. The cause itself stays in the log.
func (c *Core) failed(x *Exchange, f found, err error, status int) {
	if c.stale(x, f, status) || !errors.Is(err, errGone) && c.standIn(x, status) {
		return
	}
	x.Rep.Cache.Fwd = f.fwd
	x.Rep.Cache.FwdStatus = status
	var refused *RefusedError
	var held *heldError
	var origin *originError
	managed := x.vector != "" && !errors.Is(err, errGone) && !errors.Is(err, ErrStopping) && !errors.As(err, &refused)
	switch {
	case managed, errors.As(err, &held):
		c.Logger.Debug("target not to be had", "key", x.key.Text, "err", err)
		c.held(x, "what is to be shown cannot be had at this moment")
	case errors.As(err, &origin):
		x.Rep.Cache.Detail = "origin-failed"
		x.Rep.Cache.FwdStatus = 0 // it is the answer's own
		if origin.retryAfter != "" {
			x.Rep.Extra.Add("Retry-After", []byte(origin.retryAfter))
		}
		c.problem(x, origin.status, "about:blank", origin.title(), origin.Error(), "")
	case errors.As(err, &refused):
		x.Rep.Cache.Detail = "refused"
		c.problem(x, 502, "about:blank", "Bad Gateway", refused.Error(), "")
	case errors.Is(err, errWait), errors.Is(err, errWaiters):
		x.Rep.Cache.Detail = "wait"
		x.Rep.Extra.Add("Retry-After", []byte("1"))
		c.problem(x, 503, "about:blank", "Service Unavailable", err.Error(), "")
	case errors.Is(err, ErrUpstreamSpared):
		x.Rep.Cache.Detail = "busy"
		x.Rep.Extra.Add("Retry-After", []byte("1"))
		c.problem(x, 503, "about:blank", "Service Unavailable", "the origin failed of late and is asked little for a while", "")
	case errors.Is(err, ErrUpstreamBusy):
		x.Rep.Cache.Detail = "busy"
		x.Rep.Extra.Add("Retry-After", []byte("1"))
		c.problem(x, 503, "about:blank", "Service Unavailable", "the origin is at its cap of requests in flight", "")
	case errors.Is(err, errRoom):
		x.Rep.Cache.Detail = "memory"
		x.Rep.Extra.Add("Retry-After", []byte("1"))
		c.problem(x, 503, "about:blank", "Service Unavailable", "too much is being fetched at this moment", "")
	case errors.Is(err, ErrStopping):
		x.Rep.Cache.Detail = "stopping"
		x.Rep.Extra.Add("Retry-After", []byte("1"))
		c.problem(x, 503, "about:blank", "Service Unavailable", err.Error(), "")
	case errors.Is(err, errGone):
		// Nobody reads this; the status is for the metrics.
		c.problem(x, 499, "about:blank", "Client Closed Request", err.Error(), "")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		x.Rep.Cache.Detail = "timeout"
		c.problem(x, 504, "about:blank", "Gateway Timeout", "the origin did not answer in time", "")
	default:
		x.Rep.Cache.Detail = "origin-failed"
		c.Logger.Debug("origin failed", "key", x.key.Text, "err", err)
		c.problem(x, 502, "about:blank", "Bad Gateway", "the origin could not be reached or broke off", "")
	}
}

// finish makes the reply what this request asked for (a 304, a part, no body)
// and adds the lines that belong to this answer alone.
func (c *Core) finish(x *Exchange) {
	if x.previewed {
		x.noStore()
	}
	if x.Rep.Status == 200 {
		c.condition(x)
	}
	if x.Rep.Status == 200 && x.Req.Method == MethodGet {
		c.rangeOf(x)
	}
	if x.Req.Method == MethodHead {
		x.Rep.Body = nil
		x.skipDigest()
		x.closeStream() // HEAD has no content
	}
	if x.slot != nil {
		c.count(x)
		from := len(x.buf)
		x.buf = strconv.AppendInt(x.buf, max(0, int64(c.age(x, x.slot)/time.Second)), 10)
		x.add("Age", from)
	}
	from := len(x.buf)
	if x.Rep.Art != nil {
		if before := x.Rep.Art.about(aboutCacheStatus); before != "" {
			x.buf = append(x.buf, before...)
			x.buf = append(x.buf, ", "...)
		}
	} else {
		for i := range x.Rep.Passed {
			if x.Rep.Passed[i].Name == "Cache-Status" {
				x.buf = append(x.buf, x.Rep.Passed[i].Value...)
				x.buf = append(x.buf, ", "...)
			}
		}
	}
	x.buf = x.Rep.Cache.append(x.buf, c.cfg.Node)
	x.add("Cache-Status", from)
	c.quotaFields(x)
	if x.Rep.Degraded != "" {
		from = len(x.buf)
		x.buf = append(x.buf, x.Rep.Degraded...)
		x.add("Edge-Degraded", from)
	}
	if !x.Rep.Cache.Hit && x.keyed || c.cfg.TimingOnHits {
		c.serverTiming(x)
	}
}

// serverTiming tells how long the edge took, and the origin within it. It reads
// a clock, so hits have it only where the configuration asks.
func (c *Core) serverTiming(x *Exchange) {
	from := len(x.buf)
	x.buf = append(x.buf, "edge;dur="...)
	x.buf = appendMillis(x.buf, c.Now().Sub(x.Now))
	x.buf = append(x.buf, ", quota;dur="...)
	x.buf = appendMillis(x.buf, x.quotaTook)
	if x.originTook > 0 {
		x.buf = append(x.buf, ", origin;dur="...)
		x.buf = appendMillis(x.buf, x.originTook)
	}
	x.add("Server-Timing", from)
}

func appendMillis(dst []byte, d time.Duration) []byte {
	return strconv.AppendFloat(dst, max(0, float64(d)/float64(time.Millisecond)), 'f', 2, 64)
}
