// Package plot draws latency by percentile, the picture that shows a tail as
// it is: the x-axis is logarithmic in 1/(1-p), so each further nine of the
// percentile has the same width, and several runs can be laid over each other.
//
// [SVG] writes a drawing that stands alone (no script, no font, no link);
// [HTML] writes a page that holds the same drawing and a table of the numbers,
// with a dark form where the reader's system asks for it.
//
// Guarantees: the output is well-formed XML (the page too), whatever the names
// of the series; equal input gives equal bytes.
package plot
