package metrics

import "github.com/prometheus/client_golang/prometheus"

// scrape is a collector that makes its series anew at every scrape.
type scrape func(emit)

// Describe sends nothing: an unchecked collector, since the quotas and origins
// that label its series come and go.
func (scrape) Describe(chan<- *prometheus.Desc) {}

// Collect sends the series.
func (s scrape) Collect(ch chan<- prometheus.Metric) { s(emit{ch}) }

// emit sends one value after the other.
type emit struct{ ch chan<- prometheus.Metric }

func (e emit) counter(name, help string, v float64, labels ...string) {
	e.send(prometheus.CounterValue, name, help, v, labels)
}

func (e emit) gauge(name, help string, v float64, labels ...string) {
	e.send(prometheus.GaugeValue, name, help, v, labels)
}

// send takes labels as name, value, name, value.
func (e emit) send(kind prometheus.ValueType, name, help string, v float64, labels []string) {
	names := make([]string, 0, len(labels)/2)
	values := make([]string, 0, len(labels)/2)
	for i := 0; i < len(labels); i += 2 {
		names = append(names, labels[i])
		values = append(values, labels[i+1])
	}
	m, err := prometheus.NewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(prometheus.NewDesc(name, help, names, nil), err)
	}
	e.ch <- m
}
