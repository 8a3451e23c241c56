package digest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

// TestExamples holds the published examples: RFC 7616 section 3.9.1 and RFC 2617 section 3.5, which need no SIP to be right.
func TestExamples(t *testing.T) {
	const nonce, cnonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	for _, tt := range []struct{ algorithm, want string }{
		{"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
	} {
		alg, _ := Named(tt.algorithm)
		ha1 := alg.Hex("Mufasa", "http-auth@example.org", "Circle of Life")
		if got := alg.Hex(ha1, nonce, "00000001", cnonce, "auth", alg.Hex("GET", "/dir/index.html")); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.algorithm, got, tt.want)
		}
	}
}

func invite() *wire.Message {
	m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: "100", Host: "192.0.2.1"})
	m.Body = []byte("v=0\r\n")
	return m
}

// challenge makes a 401 or 407; each value is "proxy|www parameters".
func challenge(values ...string) *wire.Message {
	m := wire.NewResponse(invite(), 407, "", "")
	for _, v := range values {
		where, rest, _ := strings.Cut(v, " ")
		name := map[string]string{"proxy": "Proxy-Authenticate", "www": "WWW-Authenticate"}[where]
		m.Add(name, "Digest "+rest)
	}
	return m
}

func newClient(realm string) *Client {
	n := 0
	return NewClient(Account{User: "u", Password: "p", Realm: realm}, func() string { n++; return fmt.Sprint("cn", n) })
}

// signed lists what Sign writes: header, realm, nonce, nc, algorithm.
func signed(t *testing.T, c *Client) []string {
	t.Helper()
	m := invite()
	m.Add("Authorization", "Digest username=\"former\"")
	c.Sign(m)
	var out []string
	for _, f := range m.Fields {
		a, err := wire.ParseAuth(f.Value)
		if err != nil {
			t.Fatalf("%s: %v", f.Value, err)
		}
		get := a.Params.Get
		if get("uri") != "sip:100@192.0.2.1" || get("username") != "u" || strings.Contains(f.Value, `"p"`) {
			t.Errorf("credentials %s", f.Value)
		}
		out = append(out, strings.Join([]string{f.Name, get("realm"), get("nonce"), get("nc"), get("algorithm"), get("qop")}, " "))
	}
	return out
}

func TestChallenges(t *testing.T) {
	const proxy = "Proxy-Authorization"
	for _, tt := range []struct {
		name   string
		values []string
		want   []string // nil: not answered
	}{
		{"plain", []string{`proxy realm="r", nonce="n", qop="auth"`}, []string{proxy + " r n 00000001  auth"}},
		{"RFC 2069", []string{`www realm="r", nonce="n"`}, []string{"Authorization r n   "}},
		{"auth is preferred", []string{`www realm="r", nonce="n", qop="auth-int, auth", algorithm=MD5`}, []string{"Authorization r n 00000001 MD5 auth"}},
		{"auth-int alone", []string{`www realm="r", nonce="n", qop="auth-int"`}, []string{"Authorization r n 00000001  auth-int"}},
		{"the peer's first known algorithm", []string{
			`proxy realm="r", nonce="x", algorithm=AKAv1-MD5, qop="auth"`, `proxy realm="r", nonce="s", algorithm=SHA-256, qop="auth"`,
			`proxy realm="r", nonce="m", algorithm=MD5, qop="auth"`,
		}, []string{proxy + " r s 00000001 SHA-256 auth"}},
		{"all challenges of a fork", []string{`proxy realm="a", nonce="1", qop="auth"`, `www realm="b", nonce="2", qop="auth"`},
			[]string{proxy + " a 1 00000001  auth", "Authorization b 2 00000001  auth"}},
		{"no nonce", []string{`proxy realm="r", qop="auth"`}, nil},
		{"unknown algorithm", []string{`proxy realm="r", nonce="n", algorithm=MD5-sess, qop="auth"`}, nil},
		{"unknown protection", []string{`proxy realm="r", nonce="n", qop="token"`}, nil},
		{"not a challenge", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient("")
			var a Attempt
			if got := c.Take(challenge(tt.values...), &a); got != (tt.want != nil) {
				t.Fatalf("taken: %v", got)
			}
			if d := cmp.Diff(tt.want, signed(t, c)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestDomainsOnTheWay: each proxy challenges in its turn, up to a limit.
func TestDomainsOnTheWay(t *testing.T) {
	c := newClient("")
	var a Attempt
	for i := range maxRealms {
		if !c.Take(challenge(fmt.Sprintf(`proxy realm="%d", nonce="n"`, i)), &a) {
			t.Errorf("domain %d is not answered", i)
		}
	}
	if c.Take(challenge(`proxy realm="one more", nonce="n"`), &a) || len(signed(t, c)) != maxRealms {
		t.Error("one domain too many is answered")
	}
}

func TestNonceIsUsedAgain(t *testing.T) {
	c := newClient("")
	var a Attempt
	c.Take(challenge(`proxy realm="r", nonce="n", qop="auth"`), &a)
	first, second := signed(t, c), signed(t, c)
	if first[0] != "Proxy-Authorization r n 00000001  auth" || second[0] != "Proxy-Authorization r n 00000002  auth" {
		t.Errorf("%v, then %v", first, second)
	}
}

func TestWhenToGiveUp(t *testing.T) {
	fresh := func(n int) *wire.Message { return challenge(fmt.Sprintf(`proxy realm="r", nonce="%d", stale=true`, n)) }
	c := newClient("")
	var a Attempt
	for i := range 3 { // the first challenge and two stale rounds
		if !c.Take(fresh(i), &a) {
			t.Errorf("round %d is not answered", i)
		}
	}
	if c.Take(fresh(3), &a) {
		t.Error("a third stale round is answered")
	}
	if a = (Attempt{}); !c.Take(challenge(`proxy realm="r", nonce="x"`), &a) {
		t.Error("a later request may need a fresh nonce, said or not")
	}
	if c.Take(challenge(`proxy realm="r", nonce="y"`), &a) {
		t.Error("a refused password is offered again")
	}
}

// TestWhoMayAsk: the password is for the domain of the account, or for those that have asked before the far end could speak.
func TestWhoMayAsk(t *testing.T) {
	bound := newClient("home")
	var a Attempt
	if bound.Take(challenge(`proxy realm="evil", nonce="n"`), &a) || bound.Take(challenge(`proxy realm="home", nonce="n"`, `www realm="evil", nonce="n"`), &a) {
		t.Error("another realm gets credentials")
	}
	if len(signed(t, bound)) != 0 {
		t.Error("a challenge that was refused is kept")
	}
	if !bound.Take(challenge(`proxy realm="home", nonce="n"`), &a) {
		t.Error("the account's own realm gets none")
	}
	c := newClient("")
	c.Take(challenge(`proxy realm="home", nonce="n"`), new(Attempt))
	c.Freeze()
	var later Attempt
	if c.Take(challenge(`proxy realm="evil", nonce="n"`), &later) {
		t.Error("a realm that nobody knew gets credentials in the dialog")
	}
	if !c.Take(challenge(`proxy realm="home", nonce="m"`), &later) {
		t.Error("the realm of the INVITE gets none in the dialog")
	}
}

func TestAccountKeepsItsPassword(t *testing.T) {
	a := Account{User: "u", Password: "hush", Realm: "r"}
	type holder struct{ Account Account }
	for _, s := range []string{fmt.Sprint(a), fmt.Sprintf("%+v", holder{a}), fmt.Sprintf("%#v", holder{a}), fmt.Sprintf("%v", &a)} {
		if strings.Contains(s, "hush") {
			t.Errorf("printed: %s", s)
		}
	}
}

// FuzzTake: whatever a peer challenges with, the credentials are one line each and can be read back.
func FuzzTake(f *testing.F) {
	f.Add(`Digest realm="r", nonce="n", qop="auth", opaque="o"`, true)
	f.Add(`Digest realm="\"", nonce="a b", algorithm=SHA-256`, false)
	f.Fuzz(func(t *testing.T, value string, proxy bool) {
		name := "WWW-Authenticate"
		if proxy {
			name = "Proxy-Authenticate"
		}
		resp := wire.NewResponse(invite(), 401, "", "")
		resp.Fields = []wire.Field{{Name: name, Value: value}}
		c := newClient("")
		var a Attempt
		if !c.Take(resp, &a) {
			return
		}
		m := invite()
		c.Sign(m)
		for _, f := range m.Fields {
			back, err := wire.ParseAuth(f.Value)
			if err != nil || strings.ContainsAny(f.Value, "\r\n\x00") {
				t.Fatalf("%q: %v", f.Value, err)
			}
			if back.Params.Get("response") == "" {
				t.Fatalf("%q has no response", f.Value)
			}
		}
	})
}
