package main

import (
	"testing"

	"drawbridge/config"
)

// TestOneForm: a number is one however it is dialled, in the country of the realm; names are themselves.
func TestOneForm(t *testing.T) {
	snap := &config.Snapshot{Config: config.Config{
		Realms:  map[string]config.Realm{"access": {}, "carrier": {}},
		Numbers: config.Numbers{Country: "DE", Realms: map[string]string{"carrier": "US"}},
	}}
	form := oneForm(snap)
	for _, tt := range []struct{ realm, dialled, want string }{
		{"access", "+4930123456", "+4930123456"}, {"access", "004930123456", "+4930123456"}, {"access", "030123456", "+4930123456"},
		{"carrier", "0114930123456", "+4930123456"}, {"access", "Bob", "bob"}, {"access", "112", "112"}, {"access", "", ""},
	} {
		if got := form(tt.realm, tt.dialled); got != tt.want {
			t.Errorf("%s in %s: %q, want %q", tt.dialled, tt.realm, got, tt.want)
		}
	}
}
