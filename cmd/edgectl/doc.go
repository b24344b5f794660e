// Command edgectl speaks to the admin API of a LetterEdge node.
//
// The life of a command: kong fills one struct of the grammar in cli.go; its
// Validate refuses wrong use before anything is sent; its Run calls edge/client
// and hands the answer to the printer, as a table or as the API's own JSON.
//
// Exit codes: 0 done, 1 not done (refused by the server, or not complete in
// time), 2 wrong use, 3 the node cannot be reached. An error is one line on
// stderr. Results go to stdout, in plain lines.
package main
