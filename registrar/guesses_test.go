package registrar

import (
	"testing"
	"time"

	"drawbridge/sip/wire"
)

// TestPasswordsCannotBeTriedOut: behind too many wrong passwords the right one looks wrong, too, until time has passed. The source's other
// accounts and the account's other sources notice nothing.
func TestPasswordsCannotBeTriedOut(t *testing.T) {
	now := time.Now()
	s := &seen{}
	r, err := New(Config{Domain: domain, Password: func(user string) (string, bool) { return password, user == "alice" || user == "bob" }, Events: s.listener()})
	if err != nil {
		t.Fatal(err)
	}
	try := func(f flow, user, password string, at time.Time) int {
		t.Helper()
		creds := answerTo(t, r.challenge(f, wire.REGISTER, false, at)[0].Value, user, password, wire.REGISTER, 1)
		_, challenge, status := r.Authenticate(f, request(t, wire.REGISTER, 1, "Authorization: "+creds), at)
		if status == 401 && len(challenge) == 0 {
			t.Error("401 without a challenge")
		}
		return status
	}
	here, elsewhere := ws(1), udp("198.51.100.9:5060")
	for range guessBurst {
		if got := try(here, "alice", "guess", now); got != 401 {
			t.Fatalf("wrong password: %d", got)
		}
	}
	for _, row := range []struct {
		name     string
		from     flow
		user     string
		at       time.Time
		want     int
		password string
	}{
		{"the right one comes too late", here, "alice", now, 401, password},
		{"another connection of the source", ws(2), "alice", now, 401, password},
		{"another account", here, "bob", now, 0, password},
		{"from elsewhere", elsewhere, "alice", now, 0, password},
		{"later", here, "alice", now.Add(guessEvery), 0, password},
		{"one guess is all that time has given", here, "alice", now.Add(guessEvery), 401, "guess"},
		{"so the right one is late again", here, "alice", now.Add(guessEvery), 401, password},
	} {
		if got := try(row.from, row.user, row.password, row.at); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
	r.guesses.sweep(now.Add(guessBurst * guessEvery))
	if n := len(r.guesses.by); n != 1 {
		t.Errorf("%d guessers are remembered before everything is forgiven, want 1", n)
	}
	r.guesses.sweep(now.Add((guessBurst + 1) * guessEvery))
	if n := len(r.guesses.by); n != 0 {
		t.Errorf("%d guessers are remembered after everything is forgiven", n)
	}
}

// TestInventedNamesLeaveNothing: memory is for accounts that exist.
func TestInventedNamesLeaveNothing(t *testing.T) {
	r, _ := newRegistrar(t)
	now, f := time.Now(), ws(1)
	for _, name := range []string{"a", "b", "c"} {
		creds := answerTo(t, r.challenge(f, wire.REGISTER, false, now)[0].Value, name, "guess", wire.REGISTER, 1)
		r.Authenticate(f, request(t, wire.REGISTER, 1, "Authorization: "+creds), now)
	}
	if n := len(r.guesses.by); n != 0 {
		t.Errorf("%d guessers are remembered", n)
	}
}
