package adminapi

import "time"

// Token lets its holder use the API, on all nodes.
type Token struct {
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"` // absent: never
	By      string     `json:"by,omitempty"`      // the token that it was made with
	// Token is the secret: in the answer to the POST that made it, and nowhere else.
	Token string `json:"token,omitempty"`
}

// TokenSpec is the body of POST /v1/tokens.
type TokenSpec struct {
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes"`
	Expires string   `json:"expires,omitempty"` // RFC 3339; absent: never
}

// tokenOperations is what the API can do with tokens.
func tokenOperations(page []Parameter) []Operation {
	name := Parameter{Name: "name", In: "path", Description: "the token's name"}
	match := Parameter{Name: "If-Match", In: "header", Description: "remove only the token with this entity tag"}
	return []Operation{
		{Method: "GET", Path: "/v1/tokens", ID: "token.list", Summary: "List tokens by name, without what they are", Scope: scopeTokens,
			Parameters: page, Answers: []Answer{{200, List[Token]{}}}},
		{Method: "POST", Path: "/v1/tokens", ID: "token.create", Summary: "Make a token, and tell it this once", Scope: scopeTokens,
			Body: TokenSpec{}, Answers: []Answer{{201, Token{}}, {403, nil}, {409, nil}, {503, nil}}},
		{Method: "GET", Path: "/v1/tokens/{name}", ID: "token.get", Summary: "Show a token, without what it is", Scope: scopeTokens,
			Parameters: []Parameter{name}, Answers: []Answer{{200, Token{}}, {404, nil}}},
		{Method: "DELETE", Path: "/v1/tokens/{name}", ID: "token.delete", Summary: "Remove a token", Scope: scopeTokens,
			Parameters: []Parameter{name, match}, Answers: []Answer{{204, nil}, {404, nil}, {412, nil}, {503, nil}}},
	}
}
