// Package pairs is the statistics of two servers that are measured in turn.
//
// A shared machine disturbs whoever runs on it, for seconds at a time. Two
// windows side by side meet about the same disturbance, so what is compared is
// the ratio within such a pair: [Median] of the pairs' ratios, with the
// bootstrap [Interval] that says how far it can be trusted.
//
// Guarantees: equal samples and equal seeds give equal intervals; the interval
// holds the median; samples are left as they are.
package pairs
