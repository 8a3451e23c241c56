package registrar

import (
	"slices"
	"testing"
	"time"

	"drawbridge/sip/wire"
)

// TestAccountsChange: a connection that has proved to be an account's keeps that while the account is what it was, proves it again with
// another password, and is nobody's when the account has gone; its devices are then not found either.
func TestAccountsChange(t *testing.T) {
	known := func(secret string) func(string) (string, bool) {
		return func(user string) (string, bool) { return secret, user == "alice" }
	}
	none := func(string) (string, bool) { return "", false }
	for _, row := range []struct {
		name     string
		password func(string) (string, bool)
		status   int // of an INVITE over the same connection
		devices  int
		gone     []string
	}{
		{"as before", known(password), 0, 1, nil},
		{"another password", known("other"), 407, 0, []string{"password"}},
		{"gone", none, 407, 0, []string{"account"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, s := newRegistrar(t)
			now := time.Now()
			if resp := signIn(t, r, ws(1), 1, now, "Contact: <sip:a@x.invalid>"); resp.Status != 200 {
				t.Fatal(resp.Status)
			}
			r.Set(row.password, nil, nil)
			for _, again := range []bool{false, true} {
				if again {
					r.judgeLate()
				}
				if _, _, status := r.Authenticate(ws(1), request(t, wire.INVITE, 1), now); status != row.status {
					t.Errorf("an INVITE gets %d, want %d", status, row.status)
				}
				if n := len(r.Lookup("alice")); n != row.devices {
					t.Errorf("%d devices, want %d", n, row.devices)
				}
			}
			if got := s.gone(); !slices.Equal(got, row.gone) {
				t.Errorf("events %q, want %q", got, row.gone)
			}
		})
	}
}

// TestComesBackWithNewPassword: a device that registers with the new password right after the change stays, and the one with the old
// password does not come back.
func TestComesBackWithNewPassword(t *testing.T) {
	r, _ := newRegistrar(t)
	now := time.Now()
	if resp := signIn(t, r, ws(1), 1, now, "Contact: <sip:old@x.invalid>"); resp.Status != 200 {
		t.Fatal(resp.Status)
	}
	r.Set(func(user string) (string, bool) { return "other", user == "alice" }, nil, nil)
	sign := func(f flow, secret string) int {
		challenge := r.challenge(f, wire.REGISTER, false, now)[0].Value
		m := request(t, wire.REGISTER, 2, "Contact: <sip:new@x.invalid>", "Authorization: "+answerTo(t, challenge, "alice", secret, wire.REGISTER, 1))
		return r.register(f, m, "tag", now).Status
	}
	if status := sign(ws(2), "other"); status != 200 {
		t.Fatalf("the new password earns %d", status)
	}
	if status := sign(ws(3), password); status != 401 {
		t.Errorf("the old password earns %d", status)
	}
	r.judgeLate()
	if got := r.Lookup("alice"); len(got) != 1 || got[0].Contact.URI.User != "new" {
		t.Errorf("reached: %v", got)
	}
}

// TestRegisterCrossesChange: a REGISTER that was judged by accounts of before and comes into the books behind the change is found there.
func TestRegisterCrossesChange(t *testing.T) {
	r, _ := newRegistrar(t)
	now := time.Now()
	r.Set(func(string) (string, bool) { return "", false }, nil, nil)
	late := Binding{User: "alice", Contact: request(t, wire.REGISTER, 1, "Contact: <sip:a@x.invalid>").Contact[0], Flow: ws(1), Expires: now.Add(time.Hour)}
	r.table.apply("alice", []Binding{late}, 10)
	if r.judgeLate(); len(r.Lookup("alice")) != 0 {
		t.Error("the device of an account that has gone is found")
	}
	if r.judgeLate(); len(r.former) != 0 {
		t.Error("earlier accounts are kept for ever")
	}
}
