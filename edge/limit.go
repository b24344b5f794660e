package edge

import "strconv"

// tooMany answers 429 as the contract says: a whole number of seconds after
// which it is worth coming back, and a problem that names the policy.
func (c *Core) tooMany(x *Exchange) {
	from := len(x.buf)
	x.buf = strconv.AppendInt(x.buf, int64(x.Rep.Quota.RetryAfter), 10)
	x.add("Retry-After", from)
	from = len(x.buf)
	x.buf = x.Rep.Quota.AppendProblem(x.buf)
	c.problemBody(x, 429, x.buf[from:len(x.buf):len(x.buf)])
	if x.Rep.Quota.Lapsed {
		x.Rep.Degraded = "isolated"
	}
}

// overflow answers a request over its quota where the quota prefers a copy to a
// refusal: whatever is here and may be shown, else 429.
func (c *Core) overflow(x *Exchange, f found) {
	if f.slot == nil || !f.slot.Rules.MayBeStale() {
		c.tooMany(x)
		return
	}
	c.hit(x, f.slot, f.ttl)
	x.Rep.Cache.Detail = "quota"
	x.Rep.Degraded = "stale"
}

// quotaFields adds RateLimit-Policy and RateLimit where a quota governs.
func (c *Core) quotaFields(x *Exchange) {
	if !x.Rep.Quota.Governed {
		return
	}
	x.Rep.Extra.Add("Ratelimit-Policy", viewBytes(x.Rep.Quota.Policy))
	from := len(x.buf)
	x.buf = x.Rep.Quota.AppendRateLimit(x.buf)
	x.add("Ratelimit", from)
}
