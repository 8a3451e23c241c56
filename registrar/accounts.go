package registrar

import (
	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// accounts are who may register now, and how they are challenged. Nobody changes the value.
type accounts struct {
	password   func(user string) (string, bool)
	algorithms map[string][]string
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

// Set changes the accounts. The devices of an account that has gone cannot be reached any more. Who has registered with a password that
// is another one now proves itself again with its next request; until then, or until it expires, its binding still rings. It may be
// called from any goroutine; password and algorithms are as in Config.
func (r *Registrar) Set(password func(user string) (string, bool), algorithms map[string][]string) {
	old := r.accounts.Swap(&accounts{password, algorithms})
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

// judge takes from those whom old let in what they have no right to now.
func (r *Registrar) judge(old *accounts) {
	now := r.accounts.Load()
	for _, user := range r.table.names() {
		was, _ := old.password(user)
		is, known := now.password(user)
		switch {
		case !known:
			r.table.disown(user)
			for range r.table.clear(user) {
				r.cfg.Events.EmitUnregistered(telemetry.Unregistered{AOR: r.aor(user), Why: "account"})
			}
		case is != was:
			r.table.disown(user)
		}
	}
}
