package adminapi

// Operation is one method on one path.
type Operation struct {
	Method, Path string
	// ID names it in OpenAPI, and the action in the audit log if it writes.
	ID      string
	Summary string
	// Scope is what a token needs; "" for what asks for none.
	Scope      string
	Parameters []Parameter
	Body       any // a value of the body's type; nil for none
	Answers    []Answer
}

// Parameter is a path, query or header parameter.
type Parameter struct {
	Name, In, Description string
	Enum                  []string
}

// Answer is a status and a value of its body's type; nil for none, and a string
// for that media type with a body of any form.
type Answer struct {
	Status int
	Body   any
}

// The scopes that operations need, as edge/auth knows them.
const (
	scopeRead   = "read"
	scopeQuotas = "quotas:write"
	scopePurges = "purges:write"
	scopeDocs   = "docs:write"
	scopeTokens = "tokens:write"
	scopeDebug  = "debug"
)

// Operations returns everything that the API can do.
func Operations() []Operation {
	segment := Parameter{Name: "segment", In: "path", Description: "a segment's id, or _default"}
	match := Parameter{Name: "If-Match", In: "header", Description: "change only the definition with this entity tag"}
	noneMatch := Parameter{Name: "If-None-Match", In: "header", Description: "* to create only"}
	page := []Parameter{
		{Name: "after", In: "query", Description: "the next of the page before"},
		{Name: "limit", In: "query", Description: "items on a page, 1 to 1000; 100 unless told"},
	}
	return append([]Operation{
		{Method: "GET", Path: "/v1/quotas", ID: "quota.list", Summary: "List quotas by segment", Scope: scopeRead,
			Parameters: page, Answers: []Answer{{200, List[Quota]{}}}},
		{Method: "GET", Path: "/v1/quotas/{segment}", ID: "quota.get", Summary: "Show a quota", Scope: scopeRead,
			Parameters: []Parameter{segment}, Answers: []Answer{{200, Quota{}}, {404, nil}}},
		{Method: "PUT", Path: "/v1/quotas/{segment}", ID: "quota.put", Summary: "Define a quota", Scope: scopeQuotas,
			Parameters: []Parameter{segment, match, noneMatch}, Body: QuotaSpec{},
			Answers: []Answer{{200, Quota{}}, {201, Quota{}}, {409, nil}, {412, nil}, {503, nil}}},
		{Method: "DELETE", Path: "/v1/quotas/{segment}", ID: "quota.delete", Summary: "Remove a quota", Scope: scopeQuotas,
			Parameters: []Parameter{segment, match}, Answers: []Answer{{204, nil}, {404, nil}, {412, nil}, {503, nil}}},

		{Method: "GET", Path: "/v1/purges", ID: "purge.list", Summary: "List purges, the latest first", Scope: scopeRead,
			Parameters: page, Answers: []Answer{{200, List[Purge]{}}}},
		{Method: "POST", Path: "/v1/purges", ID: "purge.create", Summary: "Purge what a selector selects", Scope: scopePurges,
			Parameters: []Parameter{
				{Name: "wait", In: "query", Description: "how far it must have come before it is answered; none unless told",
					Enum: []string{string(WaitNone), string(WaitRegion), string(WaitAll)}},
				{Name: "timeout", In: "query", Description: "of the wait, such as 500ms; 2s unless told, at most 30s"},
				{Name: "Idempotency-Key", In: "header", Description: "the same key with the same body is the same purge"},
			},
			Body:    PurgeRequest{},
			Answers: []Answer{{200, oneOf{Purge{}, DryRun{}}}, {202, PurgeAccepted{}}, {422, nil}, {503, nil}, {504, Purge{}}}},
		{Method: "GET", Path: "/v1/purges/{id}", ID: "purge.get", Summary: "Show a purge and its receipts", Scope: scopeRead,
			Parameters: []Parameter{{Name: "id", In: "path", Description: "the purge's id"}},
			Answers:    []Answer{{200, Purge{}}, {404, nil}}},

		{Method: "GET", Path: "/v1/nodes", ID: "node.list", Summary: "List nodes", Scope: scopeRead,
			Answers: []Answer{{200, List[Node]{}}}},
		{Method: "GET", Path: "/v1/regions", ID: "region.list", Summary: "List regions", Scope: scopeRead,
			Answers: []Answer{{200, List[Region]{}}}},
		{Method: "GET", Path: "/v1/audit", ID: "audit.list", Summary: "List writes, the latest first", Scope: scopeRead,
			Parameters: page, Answers: []Answer{{200, List[AuditEntry]{}}}},
		{Method: "GET", Path: "/v1/explain", ID: "explain", Summary: "Tell what a request would get; fetches nothing", Scope: scopeRead,
			Parameters: []Parameter{
				{Name: "url", In: "query", Description: "http(s)://host/path, host/path or /path"},
				{Name: "segment", In: "query", Description: "look the artifact up for this segment instead of the URL's"},
			},
			Answers: []Answer{{200, Explanation{}}}},

		{Method: "GET", Path: "/metrics", ID: "metrics", Summary: "Prometheus metrics", Scope: scopeRead, Answers: []Answer{{200, "text/plain"}}},
		{Method: "GET", Path: "/livez", ID: "livez", Summary: "Is the process alive", Answers: []Answer{{200, "text/plain"}}},
		{Method: "GET", Path: "/readyz", ID: "readyz", Summary: "Does the node serve", Answers: []Answer{{200, "text/plain"}, {503, nil}}},
		{Method: "GET", Path: "/debug/pprof/", ID: "pprof", Summary: "Profiles of the process; always needs a token", Scope: scopeDebug,
			Answers: []Answer{{200, "text/html"}}},
		{Method: "GET", Path: "/openapi.json", ID: "openapi", Summary: "This document", Scope: scopeRead, Answers: []Answer{{200, "application/json"}}},
		{Method: "GET", Path: "/", ID: "index", Summary: "List these routes", Scope: scopeRead, Answers: []Answer{{200, Index{}}}},
	}, append(docsOperations(page), tokenOperations()...)...)
}

// oneOf stands for a body of either type.
type oneOf struct{ a, b any }

// Index lists what the API can do.
type Index struct {
	Node    string       `json:"node"`
	OpenAPI string       `json:"openapi"`
	Routes  []IndexRoute `json:"routes"`
}

// IndexRoute is one entry of an Index.
type IndexRoute struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Scope   string `json:"scope,omitempty"`
	Summary string `json:"summary"`
}
