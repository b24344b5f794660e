package adminapi

import "time"

// Token is a token of the control log, without what it says.
type Token struct {
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"` // absent: never
	By      string     `json:"by,omitempty"`      // the token that made it
	// Token is what its holder sends: in the answer to its creation, and never
	// again.
	Token string `json:"token,omitempty"`
}

// TokenSpec asks for a token: the body of POST /v1/tokens.
type TokenSpec struct {
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes"`
	Expires string   `json:"expires,omitempty"` // RFC 3339
}

// tokenOperations are those about tokens.
func tokenOperations() []Operation {
	return []Operation{
		{Method: "GET", Path: "/v1/tokens", ID: "token.list", Summary: "List tokens that all nodes know", Scope: scopeTokens,
			Answers: []Answer{{200, List[Token]{}}}},
		{Method: "POST", Path: "/v1/tokens", ID: "token.create", Summary: "Make a token, which is told once", Scope: scopeTokens,
			Body: TokenSpec{}, Answers: []Answer{{201, Token{}}, {409, nil}, {503, nil}}},
		{Method: "DELETE", Path: "/v1/tokens/{name}", ID: "token.delete", Summary: "Take a token back", Scope: scopeTokens,
			Parameters: []Parameter{{Name: "name", In: "path", Description: "the token's name"},
				{Name: "If-Match", In: "header", Description: "take back only the token with this entity tag, which its creation told"}},
			Answers: []Answer{{204, nil}, {404, nil}, {412, nil}, {503, nil}}},
	}
}
