// Edged runs LetterEdge: one node, or a demo of six with a docs origin.
//
//	edged demo                     three regions of two nodes and a docs origin on loopback
//	edged run --origin URL         one node in front of any HTTP origin
//	edged run --config edge.yaml   one node as its file says
//	edged check --config FILE      says what is wrong with a file
//	edged defaults                 prints a commented file with every default
//
// This package composes: what a node does is in the packages it joins.
//
// Exit codes: 0 done, 1 failed, 2 wrong use.
package main
