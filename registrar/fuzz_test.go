package registrar

import (
	"strings"
	"testing"
	"time"

	"drawbridge/sip/wire"
)

// FuzzAuthorization states that no credentials are accepted from somebody who does not know the password, however they are written;
// that the answer is one of three; and that nothing the peer wrote reaches the challenge.
func FuzzAuthorization(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	nonce := nonces{key: make([]byte, 32), realm: domain}.mint(ws(1).Remote().Addr(), now)
	valid := `Digest username="alice", realm="` + domain + `", nonce="` + nonce + `", uri="sip:` + domain +
		`", response="` + strings.Repeat("0", 32) + `", algorithm=MD5, qop=auth, nc=00000001, cnonce="abc"`
	f.Add(valid)
	f.Add(strings.ReplaceAll(valid, "alice", "mallory"))
	f.Add(strings.ReplaceAll(valid, "MD5", "MD5-sess"))
	f.Add(strings.ReplaceAll(valid, "nc=00000001", "nc=ffffffff"))
	f.Add(strings.ReplaceAll(valid, `response="`+strings.Repeat("0", 32), `response="`))
	f.Add("Digest")
	f.Add("Basic YWxpY2U6d29uZGVybGFuZA==")
	f.Add(`Digest username="a\"b,c", realm=,,=,`)
	f.Fuzz(func(t *testing.T, value string) {
		r, err := New(Config{
			Domain: domain, NonceKey: make([]byte, 32),
			Password: func(user string) (string, bool) { return "known to alice alone", user == "alice" },
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Authorization", "Proxy-Authorization"} {
			m := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", Host: domain})
			m.Add(name, value)
			user, challenge, status := r.Authenticate(ws(1), m, now)
			if status == 0 || user != "" {
				t.Fatalf("%s: %q let %q in", name, value, user)
			}
			if status != 400 && (status != 407 || len(challenge) != 1) {
				t.Errorf("%s: %q is answered %d with %d challenges", name, value, status, len(challenge))
			}
			for _, c := range challenge {
				a, err := wire.ParseAuth(c.Value)
				if err != nil || a.Params.Get("realm") != domain || strings.ContainsAny(c.Value, "\r\n\x00") {
					t.Errorf("challenge %q: %v", c.Value, err)
				}
			}
		}
	})
}
