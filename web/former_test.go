package web

import (
	"sync/atomic"
	"testing"

	"drawbridge/b2bua"
)

// TestFormerPassword: a page that has signed in with a password that is not the account's any more begins no call and is not rung, and
// what it says in a call that it has is heard. Signing in with the new password is all it takes.
func TestFormerPassword(t *testing.T) {
	var password atomic.Value
	password.Store("secret")
	h := open(t, func(c *Config) {
		c.CheckPassword = func(user, given string) bool { return user == "alice" && given == password.Load() }
	})
	c := h.signedIn()
	c.say(`{"type":"call","call":"a1","to":"100","sdp":"v=0"}`)
	within(t, "call", h.calls.signals)

	h.Set(Guests{})
	if n := len(h.Lines("alice")); n != 1 {
		t.Fatalf("%d lines after a change of something else, want 1", n)
	}
	password.Store("changed")
	h.Set(Guests{})
	if n := len(h.Lines("alice")); n != 0 {
		t.Errorf("%d lines of the former password are rung", n)
	}
	c.say(`{"type":"call","call":"a2","to":"100","sdp":"v=0"}`)
	if m := c.hear(); m.Type != "error" || m.Call != "a2" || m.Status != 401 {
		t.Errorf("another call: %+v, want 401", m)
	}
	c.say(`{"type":"bye","call":"a1"}`)
	if got := within(t, "bye", h.calls.signals); got.sig.Type != b2bua.SignalBye || got.sig.Call != "a1" {
		t.Errorf("heard %+v, want the bye of the call that it has", got.sig)
	}

	again := h.client()
	again.say(`{"type":"hello","v":1,"user":"alice","password":"changed"}`)
	if m := again.hear(); m.Type != typeHello {
		t.Errorf("the new password: %+v", m)
	}
	if n := len(h.Lines("alice")); n != 1 {
		t.Errorf("%d lines of the new password, want 1", n)
	}
}
