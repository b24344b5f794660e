// Package peers holds the hit ratios of other caches on the traces of edge/cache,
// in a module of its own: what is only compared with is no dependency.
//
//	go test -v -run TestOtter .
package peers
