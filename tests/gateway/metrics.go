package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Metrics is one reading of /metrics: series text, labels included, to value.
type Metrics map[string]float64

// Metrics reads /metrics.
func (g *Gateway) Metrics(t testing.TB) Metrics {
	t.Helper()
	m, err := g.ReadMetrics()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ReadMetrics reads /metrics for programs that are no test.
func (g *Gateway) ReadMetrics() (Metrics, error) {
	text, err := g.get("/metrics")
	if err != nil {
		return nil, err
	}
	m := Metrics{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || i < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics line %q: %w", line, err)
		}
		m[line[:i]] = v
	}
	return m, nil
}

// Value returns a series without labels. A missing one fails the test: a test that reads nothing cannot fail.
func (m Metrics) Value(t testing.TB, name string) float64 {
	t.Helper()
	v, ok := m[name]
	if !ok {
		t.Fatalf("no metric %s", name)
	}
	return v
}

// Sum adds the series of a metric whose labels contain every one of parts, such as `kind="ws-origin"`.
func (m Metrics) Sum(name string, parts ...string) float64 {
	var sum float64
	for series, v := range m {
		if (series == name || strings.HasPrefix(series, name+"{")) && containsAll(series, parts) {
			sum += v
		}
	}
	return sum
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// Collect makes the program collect its garbage, so that the heap it reports is in use. It needs Config.Pprof.
func (g *Gateway) Collect(t testing.TB) {
	t.Helper()
	if err := g.CollectGarbage(); err != nil {
		t.Fatal(err)
	}
}

// CollectGarbage is Collect for programs that are no test.
func (g *Gateway) CollectGarbage() error {
	_, err := g.get("/debug/pprof/heap?gc=1")
	return err
}
