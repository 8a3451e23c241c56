package registrar

import (
	"crypto/sha256"

	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// accounts are who may register now, and how they are challenged. Nobody changes the value.
type accounts struct {
	password   func(user string) (string, bool)
	algorithms map[string][]string
	bulk       func(user string) bool
}

// offered says what f is challenged with. Browsers get MD5 alone, since both widespread libraries read the first challenge only and
// speak nothing else.
func (a *accounts) offered(f txn.Flow) []string {
	if names := a.algorithms[f.Realm()]; len(names) > 0 {
		return names
	}
	switch f.Transport() {
	case "WS", "WSS":
		return []string{"MD5"}
	}
	return []string{"SHA-256", "MD5"} // in order of strength, RFC 8760 section 2.4
}

// proof tells one password of an account from another one, without being it.
func (a *accounts) proof(user string) [sha256.Size]byte {
	password, _ := a.password(user)
	return sha256.Sum256([]byte(password))
}

// Set changes the accounts. What an account has registered with another password than it has now, or before it was taken out, cannot be
// reached any more, and its connections prove again whose they are. It may be called from any goroutine; password, algorithms and bulk are
// as in Config.
func (r *Registrar) Set(password func(user string) (string, bool), algorithms map[string][]string, bulk func(user string) bool) {
	old := r.accounts.Swap(&accounts{password, algorithms, orNobody(bulk)})
	r.mu.Lock()
	r.former = append(r.former, old)
	r.mu.Unlock()
	r.judge(old)
}

// judgeLate judges once more whom earlier accounts have let in: a request may have been on its way when they changed.
func (r *Registrar) judgeLate() {
	r.mu.Lock()
	former := r.former
	r.former = nil
	r.mu.Unlock()
	for _, old := range former {
		r.judge(old)
	}
}

// judge takes from those whom old let in what they have no right to now. Who has registered with the new password meanwhile keeps that.
func (r *Registrar) judge(old *accounts) {
	now := r.accounts.Load()
	for _, user := range r.table.names() {
		_, known := now.password(user)
		is := now.proof(user)
		if known && is == old.proof(user) {
			continue
		}
		why := "password"
		if !known {
			why = "account"
		}
		r.table.disown(user)
		for range r.table.remove(user, func(b *Binding) bool { return !known || b.proof != is }) {
			r.cfg.Events.EmitUnregistered(telemetry.Unregistered{AOR: r.aor(user), Why: why})
		}
	}
}
