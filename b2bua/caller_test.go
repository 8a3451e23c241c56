package b2bua

import (
	"testing"

	"drawbridge/sip/wire"
)

func TestUnservable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		scheme string
		hops   int
		status int
	}{
		{"a call", "sip", 70, 0}, {"without Max-Forwards", "sip", -1, 0}, {"the last hop", "sip", 0, 483},
		{"a number", "tel", 70, 0}, {"TLS to the end", "sips", 70, 480},
	} {
		m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: tt.scheme, User: "bob", Host: "example.com"})
		m.MaxForwards = tt.hops
		status := 0
		if d := unservable(m); d != nil {
			status = d.Status
		}
		if status != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, status, tt.status)
		}
	}
}
