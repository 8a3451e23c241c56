package b2bua

import (
	"slices"
	"testing"
)

// TestPackedClient: what is written down of a client is what it needs to end a late 2xx.
func TestPackedClient(t *testing.T) {
	s := &Switch{}
	cl := &client{s: s, at: &seat{settled: []string{"one", ""}}, callID: "call@host", tag: "mine", late: map[string]bool{"two": true}}
	got, ok := s.Unpack(nil, nil, cl.Pack(nil)).(*client)
	if !ok || got.callID != cl.callID || got.tag != cl.tag || got.at.call != nil || !slices.Equal(got.at.settled, []string{"one", "", "two"}) {
		t.Errorf("%+v, settled %q", got, got.at.settled)
	}
}
