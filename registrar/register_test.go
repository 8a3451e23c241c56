package registrar

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	domain   = "voice.example.com"
	password = "wonderland"
)

type flow struct {
	transport string
	key       txn.FlowKey
}

func (f flow) Send([]byte) error      { return nil }
func (f flow) Key() txn.FlowKey       { return f.key }
func (f flow) Reliable() bool         { return f.transport != "UDP" }
func (f flow) Transport() string      { return f.transport }
func (f flow) Realm() string          { return "access" }
func (f flow) SentBy() netip.AddrPort { return f.key.Local }
func (f flow) Remote() netip.AddrPort { return f.key.Remote }
func ws(id uint64) flow {
	return flow{"WSS", txn.FlowKey{ID: id, Remote: netip.MustParseAddrPort("192.0.2.1:4711")}}
}
func udp(remote string) flow {
	return flow{"UDP", txn.FlowKey{Remote: netip.MustParseAddrPort(remote)}}
}
func passwords(user string) (string, bool) { return password, user == "alice" }

type seen struct {
	mu                       sync.Mutex // guards all
	registered, unregistered []string
	rejected                 []string
}

func (s *seen) listener() telemetry.Listener {
	note := func(list *[]string, what string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		*list = append(*list, what)
	}
	return telemetry.Listener{
		Registered:   func(e telemetry.Registered) { note(&s.registered, e.AOR) },
		Unregistered: func(e telemetry.Unregistered) { note(&s.unregistered, e.Why) },
		Rejected:     func(e telemetry.Rejected) { note(&s.rejected, e.Rule) },
	}
}

func (s *seen) gone() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unregistered)
}

func newRegistrar(t *testing.T) (*Registrar, *seen) {
	t.Helper()
	s := &seen{}
	r, err := New(Config{Domain: domain, Password: passwords, Events: s.listener()})
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

func request(t *testing.T, method wire.Method, seq int, extra ...string) *wire.Message {
	t.Helper()
	lines := []string{
		string(method) + " sip:" + domain + " SIP/2.0",
		"Via: SIP/2.0/WSS x.invalid;branch=z9hG4bK1",
		"From: <sip:alice@" + domain + ">;tag=1", "To: <sip:alice@" + domain + ">",
		"Call-ID: one", fmt.Sprintf("CSeq: %d %s", seq, method), "Max-Forwards: 70",
	}
	for _, e := range extra { // a line that replaces one, or a further one
		name, _, _ := strings.Cut(e, ":")
		for i, l := range lines[1:] {
			if strings.HasPrefix(l, name+":") {
				lines = append(lines[:i+1], lines[i+2:]...)
				break
			}
		}
		lines = append(lines, e)
	}
	m, v := wire.Read([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), wire.CanonOptions{})
	if v.Status != 0 {
		t.Fatalf("test message: %d %s", v.Status, v.Reason)
	}
	return m
}

// answerTo computes the credentials for a challenge as a client does.
func answerTo(t *testing.T, challenge, user, password string, method wire.Method, nc int) string {
	t.Helper()
	return answerFor(t, "sip:"+domain, challenge, user, password, method, nc)
}

// answerFor is answerTo of a request for a URI.
func answerFor(t *testing.T, uri, challenge, user, password string, method wire.Method, nc int) string {
	t.Helper()
	a, err := wire.ParseAuth(challenge)
	if err != nil {
		t.Fatal(err)
	}
	h := func(s string) string { d := md5.Sum([]byte(s)); return hex.EncodeToString(d[:]) }
	if a.Params.Get("algorithm") == "SHA-256" {
		h = func(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) }
	}
	nonce, count := a.Params.Get("nonce"), fmt.Sprintf("%08x", nc)
	response := h(h(user+":"+domain+":"+password) + ":" + nonce + ":" + count + ":abc:auth:" + h(string(method)+":"+uri))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=%s, qop=auth, nc=%s, cnonce="abc"`,
		user, domain, nonce, uri, response, a.Params.Get("algorithm"), count)
}

// signIn registers and returns the final answer.
func signIn(t *testing.T, r *Registrar, f txn.Flow, seq int, now time.Time, extra ...string) *wire.Message {
	t.Helper()
	resp := r.register(f, request(t, wire.REGISTER, seq, extra...), "t", now)
	if resp.Status != 401 {
		t.Fatalf("first REGISTER: %d, want 401", resp.Status)
	}
	creds := answerTo(t, resp.Get("WWW-Authenticate"), "alice", password, wire.REGISTER, 1)
	return r.register(f, request(t, wire.REGISTER, seq+1, append(extra, "Authorization: "+creds)...), "t", now)
}

const contact = "Contact: <sip:x7@abc.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=600"

func TestRegisterAndReach(t *testing.T) {
	r, s := newRegistrar(t)
	resp := signIn(t, r, ws(1), 1, time.Now(), contact)
	if resp.Status != 200 || len(resp.Contact) != 1 || resp.Contact[0].URI.User != "x7" || resp.Contact[0].Params.Get("expires") != "600" {
		t.Fatalf("answer %d with contacts %v; want 200 and the client's own Contact with expires", resp.Status, resp.Contact)
	}
	got := r.Lookup("alice")
	if len(got) != 1 || got[0].Flow.Key() != ws(1).Key() {
		t.Fatalf("Lookup: %+v, want the flow of the REGISTER", got)
	}
	if user, _, status := r.Authenticate(ws(1), request(t, wire.INVITE, 1), time.Now()); status != 0 || user != "alice" {
		t.Errorf("INVITE on the registered flow: %q %d, want alice without a challenge", user, status)
	}
	if _, _, status := r.Authenticate(ws(2), request(t, wire.INVITE, 1), time.Now()); status != 407 {
		t.Errorf("INVITE on another flow: %d, want 407", status)
	}
	if d := cmp.Diff([]string{"sip:alice@" + domain}, s.registered); d != "" {
		t.Error(d)
	}
}

func TestRefusals(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name   string
		extra  []string
		status int
	}{
		{"foreign domain", []string{"To: <sip:alice@other.example.com>", contact}, 404},
		{"another account", []string{"To: <sip:bob@" + domain + ">", contact}, 403},
		{"too short", []string{"Contact: <sip:x@y.invalid>;expires=5"}, 423},
		{"expires is no number", []string{"Contact: <sip:x@y.invalid>;expires=soon"}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := newRegistrar(t)
			f := ws(1)
			challenge := r.challenge(f, wire.REGISTER, false, now)[0].Value
			creds := answerTo(t, challenge, "alice", password, wire.REGISTER, 1)
			resp := r.register(f, request(t, wire.REGISTER, 1, append(tt.extra, "Authorization: "+creds)...), "t", now)
			if resp.Status != tt.status {
				t.Errorf("status %d, want %d", resp.Status, tt.status)
			}
			if tt.status == 423 && resp.Get("Min-Expires") != "30" {
				t.Errorf("Min-Expires %q, want 30", resp.Get("Min-Expires"))
			}
			if n := len(r.Lookup("alice")) + len(r.Lookup("bob")); n != 0 {
				t.Errorf("%d bindings after a refusal", n)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	now := time.Now()
	r, s := newRegistrar(t)
	f := udp("192.0.2.7:5060")
	sha := func() string { return r.challenge(f, wire.INVITE, false, now)[0].Value }
	weak := func() string { return r.challenge(f, wire.INVITE, false, now)[1].Value }
	once := answerTo(t, sha(), "alice", password, wire.INVITE, 1)
	for _, tt := range []struct {
		name, creds string
		from        txn.Flow
		at          time.Time
		status      int
		staleTrue   bool
	}{
		{"none", "", f, now, 407, false},
		{"SHA-256", once, f, now, 0, false},
		{"the same again", once, f, now, 407, true},
		{"MD5", answerTo(t, weak(), "alice", password, wire.INVITE, 1), f, now, 0, false},
		{"wrong password", answerTo(t, sha(), "alice", "x", wire.INVITE, 1), f, now, 407, false},
		{"unknown user", answerTo(t, sha(), "mallory", password, wire.INVITE, 1), f, now, 407, false},
		{"from another address", answerTo(t, sha(), "alice", password, wire.INVITE, 1), udp("192.0.2.8:5060"), now, 407, true},
		{"too late", answerTo(t, sha(), "alice", password, wire.INVITE, 1), f, now.Add(2 * time.Minute), 407, true},
		{"forged nonce", strings.Replace(once, `nonce="`, `nonce="A`, 1), f, now, 407, true},
		{"31 digits", strings.Replace(once, `response="`, `response="" , x="`, 1), f, now, 400, false},
		{"without qop", strings.Replace(once, ", qop=auth", "", 1), f, now, 407, false},
		{"quoted name", strings.Replace(once, `username="alice"`, `username="al\"ice"`, 1), f, now, 407, false},
		{"no syntax", "Digest ===", f, now, 400, false},
		{"other realm", strings.Replace(once, domain, "elsewhere", 1), f, now, 407, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var extra []string
			if tt.creds != "" {
				extra = append(extra, "Proxy-Authorization: "+tt.creds)
			}
			user, challenge, status := r.Authenticate(tt.from, request(t, wire.INVITE, 1, extra...), tt.at)
			if status != tt.status || (status == 0) != (user == "alice") {
				t.Fatalf("%q %d, want status %d", user, status, tt.status)
			}
			if status != 407 {
				return
			}
			if len(challenge) != 2 || !strings.Contains(challenge[0].Value, "SHA-256") || challenge[0].Name != "Proxy-Authenticate" {
				t.Errorf("challenges %v, want SHA-256 first, then MD5", challenge)
			}
			if got := strings.Contains(challenge[0].Value, "stale=true"); got != tt.staleTrue {
				t.Errorf("stale=%v, want %v", got, tt.staleTrue)
			}
		})
	}
	for _, rule := range []string{"auth/replay", "auth/wrong", "auth/malformed"} {
		if !strings.Contains(strings.Join(s.rejected, " "), rule) {
			t.Errorf("no %s event in %v", rule, s.rejected)
		}
	}
}

// TestCredentialsAreForOneTarget: whoever changes on the way whom an INVITE is for does not make the account call there.
func TestCredentialsAreForOneTarget(t *testing.T) {
	now := time.Now()
	r, s := newRegistrar(t)
	f := udp("192.0.2.7:5060")
	for _, tt := range []struct {
		uri, asks string
		status    int
	}{
		{"sip:+4930123@example.com", "sip:+4930123@example.com", 0}, {"sip:%2b4930123@example.com", "sip:+4930123@example.com;transport=udp", 0},
		{"sip:+4930123@proxy.example", "sip:+4930123@" + domain, 0}, {"sip:" + domain, "sip:+4930123@" + domain, 0}, {"tel:+4930123", "tel:+4930123", 0},
		{"sip:+4930123@example.com", "sip:+25261555@example.com", 400}, {"sip:+4930123@example.com", "tel:+25261555", 400},
		{"sip:+4930123@example.com", "sip:" + domain, 400}, {"*", "sip:+4930123@example.com", 400},
	} {
		m := request(t, wire.INVITE, 1, "Proxy-Authorization: "+answerFor(t, tt.uri, r.challenge(f, wire.INVITE, false, now)[0].Value, "alice", password, wire.INVITE, 1))
		var err error
		if m.URI, err = wire.ParseURI(tt.asks); err != nil {
			t.Fatal(err)
		}
		if user, _, status := r.Authenticate(f, m, now); status != tt.status || (status == 0) != (user == "alice") {
			t.Errorf("%s for %s: %q %d, want %d", tt.uri, tt.asks, user, status, tt.status)
		}
	}
	if !strings.Contains(strings.Join(s.rejected, " "), "auth/malformed") {
		t.Errorf("no event: %v", s.rejected)
	}
}

// TestUnknownUserLooksLikeWrongPassword compares all that a scanner can see.
func TestUnknownUserLooksLikeWrongPassword(t *testing.T) {
	r, _ := newRegistrar(t)
	now := time.Now()
	look := func(user string) string {
		creds := answerTo(t, r.challenge(ws(1), wire.REGISTER, false, now)[0].Value, user, "guess", wire.REGISTER, 1)
		resp := r.register(ws(1), request(t, wire.REGISTER, 1, "To: <sip:"+user+"@"+domain+">", "Authorization: "+creds), "t", now)
		a, err := wire.ParseAuth(resp.Get("WWW-Authenticate"))
		if err != nil {
			t.Fatal(err)
		}
		a.Params.Set("nonce", "")
		return fmt.Sprint(resp.Status, resp.Reason, a.String(), len(resp.Fields))
	}
	if d := cmp.Diff(look("alice"), look("nobody")); d != "" {
		t.Error(d)
	}
	if r.CheckPassword("nobody", "") || r.CheckPassword("alice", "guess") || !r.CheckPassword("alice", password) {
		t.Error("CheckPassword is wrong")
	}
}

func TestBrowsersGetMD5Alone(t *testing.T) {
	r, _ := newRegistrar(t)
	fields := r.challenge(ws(1), wire.REGISTER, false, time.Now())
	if len(fields) != 1 || !strings.Contains(fields[0].Value, "algorithm=MD5") {
		t.Errorf("challenges on a WebSocket: %v, want MD5 alone", fields)
	}
}

// TestRealmChoosesDigest: libre (baresip) gives up at the first challenge that is not MD5, wherever MD5 stands.
func TestRealmChoosesDigest(t *testing.T) {
	r, err := New(Config{Domain: domain, Password: passwords, Algorithms: map[string][]string{"access": {"MD5"}}})
	if err != nil {
		t.Fatal(err)
	}
	fields := r.challenge(udp("192.0.2.1:5060"), wire.REGISTER, false, time.Now())
	if len(fields) != 1 || !strings.Contains(fields[0].Value, "algorithm=MD5") {
		t.Errorf("challenges %v, want MD5 alone", fields)
	}
	strong := request(t, wire.REGISTER, 1, "Authorization: "+strings.Replace(
		answerTo(t, fields[0].Value, "alice", password, wire.REGISTER, 1), "algorithm=MD5", "algorithm=SHA-256", 1))
	if _, v := r.verify(r.accounts.Load(), udp("192.0.2.1:5060"), strong, time.Now()); v != missing {
		t.Errorf("an algorithm that was not offered: %v, want the challenge again", v)
	}
}

func TestOrderAndLimit(t *testing.T) {
	r, _ := newRegistrar(t)
	now := time.Now()
	change := func(seq uint32, uri string, life time.Duration) Binding {
		b := Binding{User: "alice", Flow: ws(1), CallID: "one", CSeq: seq, Contact: wire.Addr{URI: wire.URI{Scheme: "sip", Host: uri}}}
		if life > 0 {
			b.Expires = now.Add(life)
		}
		return b
	}
	for _, step := range []struct {
		name    string
		changes []Binding
		status  int
	}{
		{"the first", []Binding{change(5, "a", time.Hour)}, 0},
		{"the same CSeq again", []Binding{change(5, "a", time.Hour)}, 400},
		{"the next", []Binding{change(6, "a", time.Hour)}, 0},
		{"two more than there is room for", []Binding{change(7, "b", time.Hour), change(7, "c", time.Hour)}, 403},
	} {
		if _, _, status := r.table.apply("alice", step.changes, 2); status != step.status {
			t.Errorf("%s: %d, want %d", step.name, status, step.status)
		}
	}
	if n := len(r.Lookup("alice")); n != 1 {
		t.Errorf("%d bindings after a refused change, want 1", n)
	}
	if _, removed, _ := r.table.apply("alice", []Binding{change(8, "a", 0)}, 2); removed != 1 || r.Count() != 0 {
		t.Errorf("removed %d, %d left; want 1 and 0", removed, r.Count())
	}
	if _, ok := r.table.identity(ws(1).Key(), now); ok {
		t.Error("the flow keeps an identity without a binding")
	}
}

func TestReloadedPagesTakeNoRoom(t *testing.T) {
	r, _ := newRegistrar(t)
	now := time.Now()
	for reload := range 5 {
		flow := ws(uint64(reload + 1))
		page := Binding{
			User: "alice", Flow: flow, CallID: strconv.Itoa(reload), CSeq: 1, Expires: now.Add(time.Hour),
			Contact: wire.Addr{URI: wire.URI{Scheme: "sip", Host: strconv.Itoa(reload) + ".invalid"}},
		}
		if _, _, status := r.table.apply("alice", []Binding{page}, 2); status != 0 {
			t.Fatalf("reload %d: %d", reload, status)
		}
		if reload < 4 {
			r.table.flowLost(flow.Key(), now)
		}
	}
	if got := r.Lookup("alice"); len(got) != 1 {
		t.Errorf("%d pages can be reached, want the last one", len(got))
	}
}

func TestFlowLostAndExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRegistrar(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		signIn(t, r, ws(1), 1, time.Now(), contact)
		r.FlowLost(ws(1).Key())
		if len(r.Lookup("alice")) != 0 {
			t.Error("a lost flow is still looked up")
		}
		if _, _, status := r.Authenticate(ws(1), request(t, wire.INVITE, 1), time.Now()); status != 407 {
			t.Errorf("a lost flow keeps its identity: %d, want 407", status)
		}
		time.Sleep(10 * time.Second) // a reload within the grace time: same instance, new flow
		signIn(t, r, ws(2), 3, time.Now(), contact)
		time.Sleep(time.Minute)
		if got := r.Lookup("alice"); len(got) != 1 || got[0].Flow.Key().ID != 2 || len(s.gone()) != 0 {
			t.Errorf("after a reload: %+v, events %v; want one binding on flow 2 and no event", got, s.gone())
		}
		r.FlowLost(ws(2).Key())
		time.Sleep(defaultGrace + 2*sweepEvery)
		signIn(t, r, ws(3), 5, time.Now(), "Contact: <sip:z@q.invalid>;expires=60")
		time.Sleep(62 * time.Second)
		if d := cmp.Diff([]string{"flow", "expired"}, s.gone()); d != "" {
			t.Error(d)
		}
		if r.Count() != 0 || len(r.table.users) != 0 || len(r.table.flows) != 0 || len(r.counts.used) != 0 {
			t.Errorf("left behind: %d users, %d flows, %d nonces", len(r.table.users), len(r.table.flows), len(r.counts.used))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestNonceCountWindow(t *testing.T) {
	var c counts
	now := time.Now()
	for _, tt := range []struct {
		nc   uint32
		want bool
	}{{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {40, true}, {8, false}, {9, true}, {9, false}, {1 << 31, true}, {41, false}} {
		if got := c.use("alice", "n", tt.nc, now); got != tt.want {
			t.Errorf("count %d: %v, want %v", tt.nc, got, tt.want)
		}
	}
}

// TestNoncesOfOneAccount: an account that makes a request for each challenge meets its own bound, and however many accounts do, another
// one is let in.
func TestNoncesOfOneAccount(t *testing.T) {
	var c counts
	now := time.Now()
	for i := range mostNonces {
		if !c.use("mallory", "m"+strconv.Itoa(i), 1, now) {
			t.Fatalf("the account's request %d is refused", i)
		}
	}
	if c.use("mallory", "one more", 1, now) {
		t.Error("an account has no bound")
	}
	if !c.use("mallory", "m0", 2, now) {
		t.Error("a nonce that is in use goes on no more")
	}
	for i := 0; len(c.used) < maxNonces; i++ {
		c.use("helper"+strconv.Itoa(i%20), "h"+strconv.Itoa(i), 1, now)
	}
	for i := range fewNonces {
		if !c.use("alice", "a"+strconv.Itoa(i), 1, now) {
			t.Fatalf("others keep an account out after %d requests", i)
		}
	}
	if c.use("alice", "one more", 1, now) {
		t.Error("the table has no bound")
	}
	if c.sweep(now.Add(2 * nonceLife)); len(c.used)+len(c.held) != 0 {
		t.Errorf("%d nonces of %d accounts are kept for ever", len(c.used), len(c.held))
	}
	if !c.use("mallory", "again", 1, now) {
		t.Error("an account stays full")
	}
}

func FuzzAuthenticate(f *testing.F) {
	f.Add(`Digest username="alice", realm="voice.example.com", nonce="x", uri="sip:a", response="0", qop=auth, nc=00000001, cnonce="c"`)
	f.Add("Bearer abc")
	f.Add(`Digest username="a\"b",realm=""`)
	r, err := New(Config{Domain: domain, Password: passwords})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", Host: domain})
		m.Add("Authorization", value)
		if user, _, status := r.Authenticate(ws(9), m, time.Now()); status == 0 {
			t.Errorf("%q was let in as %q", value, user)
		}
	})
}

// A proxy has one connection for all who stand behind it: what it passes on is not the account's that has registered on it.
func TestStrangersBehindAProxyAreChallenged(t *testing.T) {
	r, _ := newRegistrar(t)
	proxy := flow{key: txn.FlowKey{ID: 7, Remote: netip.MustParseAddrPort("192.0.2.1:5060")}, transport: "TCP"}
	via := func(branch, from string) string {
		return "Via: SIP/2.0/TCP proxy.example;branch=z9hG4bK" + branch + ", SIP/2.0/UDP " + from + ";branch=z9hG4bK1"
	}
	if resp := signIn(t, r, proxy, 1, time.Now(), via("p", "10.0.0.1"), contact); resp.Status != 200 {
		t.Fatal(resp.Status)
	}
	if user, _, status := r.Authenticate(proxy, request(t, wire.INVITE, 9, via("q", "203.0.113.66"), "Call-ID: other"), time.Now()); status != 407 {
		t.Errorf("%q, status %d", user, status)
	}
	own := "Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKo"
	if user, _, status := r.Authenticate(proxy, request(t, wire.INVITE, 10, own, "Call-ID: third"), time.Now()); status != 0 || user == "" {
		t.Errorf("who has the connection is %q, status %d", user, status)
	}
}
