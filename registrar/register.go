package registrar

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

// Registrar is the registrar and the authenticator of one domain.
type Registrar struct {
	cfg    Config
	nonces nonces
	counts counts
	table  *table
	decoy  string // stands in for the password of an unknown user

	guesses guesses

	accounts atomic.Pointer[accounts]
	mu       sync.Mutex
	former   []*accounts // guarded by mu: whoever they let in is judged once more
}

// New checks cfg and returns an empty registrar.
func New(cfg Config) (*Registrar, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := nonces{key: cfg.NonceKey, realm: cfg.Domain}
	r := &Registrar{cfg: cfg, nonces: n, table: newTable(), decoy: string(n.mac([]byte("decoy"), noPeer))}
	r.accounts.Store(&accounts{cfg.Password, cfg.Algorithms, cfg.Bulk})
	return r, nil
}

// Run removes what has expired until ctx ends.
func (r *Registrar) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			r.judgeLate()
			r.counts.sweep(now)
			r.guesses.sweep(now)
			for _, g := range r.table.sweep(now, r.cfg.Grace) {
				r.cfg.Events.EmitUnregistered(telemetry.Unregistered{AOR: r.aor(g.user), Why: g.why})
			}
		}
	}
}

// Lookup returns the devices of an account that can be reached now, the most recent first.
func (r *Registrar) Lookup(user string) []Binding { return r.table.lookup(user, time.Now()) }

// Count is the number of bindings that can be reached now.
func (r *Registrar) Count() int { return r.table.count(time.Now()) }

// FlowLost tells that a connection has gone. Its account loses the flow's identity at once and the binding after the grace time.
func (r *Registrar) FlowLost(key txn.FlowKey) { r.table.flowLost(key, time.Now()) }

// Request serves one REGISTER on the shard's goroutine.
func (r *Registrar) Request(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	resp := r.register(f, m, sh.Token(), time.Now())
	switch resp.Status {
	case 400, 401, 404: // anybody can earn these without a password: nothing is kept of them
		tx.Dismiss(m, resp.Status, resp.Fields...)
	default:
		_ = tx.Respond(resp) // an answer that cannot be sent leaves with the flow; the client asks again
	}
}

// register takes a REGISTER through the steps of RFC 3261 section 10.3 and returns the answer.
func (r *Registrar) register(f txn.Flow, m *wire.Message, tag string, now time.Time) *wire.Message {
	answer := func(status int, fields ...wire.Field) *wire.Message {
		resp := wire.NewResponse(m, status, "", tag)
		resp.Fields = append(resp.Fields, fields...)
		return resp
	}
	if !strings.EqualFold(m.To.URI.Host, r.cfg.Domain) {
		return answer(404)
	}
	by := r.accounts.Load()
	user, challenge, status := r.prove(by, f, m, now)
	if status != 0 {
		return answer(status, challenge...)
	}
	if aor, err := url.PathUnescape(m.To.URI.User); err != nil || aor != user {
		r.reject(f, m, 403, "register/identity")
		return answer(403)
	}
	if m.ContactStar {
		return r.removeAll(m, user, answer)
	}
	if status := r.bulk(by, f, m, user); status != 0 {
		return answer(status)
	}
	changes, status := r.changes(f, m, user, now)
	for i := range changes {
		changes[i].proof = by.proof(user)
	}
	switch {
	case status == 423:
		return answer(423, wire.Field{Name: "Min-Expires", Value: seconds(r.cfg.MinExpires)})
	case status != 0:
		return answer(status)
	}
	added, removed, status := r.table.apply(user, changes, r.cfg.Contacts)
	switch status {
	case 0:
	case 403:
		r.reject(f, m, 403, "register/contacts")
		return answer(403)
	default:
		return answer(status)
	}
	r.report(f, user, changes, added, removed, now)
	resp := answer(200)
	resp.Contact = r.contacts(user, now)
	return resp
}

// removeAll serves "Contact: *", legal only with Expires 0 (RFC 3261 section 10.2.2).
func (r *Registrar) removeAll(m *wire.Message, user string, answer func(int, ...wire.Field) *wire.Message) *wire.Message {
	if m.Expires != 0 || len(m.Contact) > 0 {
		return answer(400)
	}
	for range r.table.clear(user) {
		r.cfg.Events.EmitUnregistered(telemetry.Unregistered{AOR: r.aor(user), Why: "removed"})
	}
	return answer(200)
}

// changes reads the contacts as bindings. status is 0, 400 or 423.
func (r *Registrar) changes(f txn.Flow, m *wire.Message, user string, now time.Time) (changes []Binding, status int) {
	for _, c := range m.Contact {
		life, status := r.lifetime(m, c)
		if status != 0 {
			return nil, status
		}
		b := Binding{
			User: user, Contact: c.Clone(), Flow: f, CallID: strings.Clone(m.CallID), CSeq: m.CSeq.Seq,
		}
		b.Instance, b.RegID = b.Contact.Params.Get("+sip.instance"), b.Contact.Params.Get("reg-id")
		b.Contact.Params.Del("expires")
		if life > 0 {
			b.Expires = now.Add(life)
		}
		changes = append(changes, b)
	}
	return changes, 0
}

// lifetime is a contact's own expires, else the message's, else the longest we give (RFC 3261 section 10.3 step 7).
func (r *Registrar) lifetime(m *wire.Message, c wire.Addr) (time.Duration, int) {
	wish := r.cfg.MaxExpires
	if v, ok := c.Params.Lookup("expires"); ok {
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			return 0, 400
		}
		wish = time.Duration(n) * time.Second
	} else if m.Expires >= 0 {
		wish = time.Duration(m.Expires) * time.Second
	}
	switch {
	case wish == 0:
		return 0, 0
	case wish < r.cfg.MinExpires:
		return 0, 423
	}
	return min(wish, r.cfg.MaxExpires), 0
}

// contacts lists the account's bindings as the clients wrote them, each with the time it has left.
func (r *Registrar) contacts(user string, now time.Time) []wire.Addr {
	var out []wire.Addr
	for _, b := range r.table.lookup(user, now) {
		c := b.Contact
		c.Params = append(wire.Params(nil), c.Params...)
		c.Params.Set("expires", seconds(b.Expires.Sub(now)))
		out = append(out, c)
	}
	return out
}

func (r *Registrar) report(f txn.Flow, user string, changes []Binding, added, removed int, now time.Time) {
	for i := range changes {
		if added > 0 && !changes[i].Expires.IsZero() {
			r.cfg.Events.EmitRegistered(telemetry.Registered{AOR: r.aor(user), Transport: f.Transport(), Expires: changes[i].Expires.Sub(now)})
		}
	}
	for range removed {
		r.cfg.Events.EmitUnregistered(telemetry.Unregistered{AOR: r.aor(user), Why: "removed"})
	}
}

func (r *Registrar) reject(f txn.Flow, m *wire.Message, status int, rule string) {
	r.cfg.Events.EmitRejected(telemetry.Rejected{
		Realm: f.Realm(), Source: f.Remote().Addr().String(), Method: string(m.Method), Status: status, Rule: rule,
	})
}

func (r *Registrar) aor(user string) string { return "sip:" + user + "@" + r.cfg.Domain }

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second/2)/time.Second), 10)
}
