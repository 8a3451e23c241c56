package registrar

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strconv"
	"strings"
	"time"

	"drawbridge/sip/digest"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// verdict is what a request's credentials are worth.
type verdict uint8

const (
	accepted verdict = iota
	missing          // none for our realm
	wrong            // unknown user or wrong password: the same to the peer
	guessing         // may be right, but too many wrong ones came before it: the same to the peer as wrong
	stale            // right, but the nonce is old or was used before
	broken           // cannot be read
)

// Authenticate says who sent m. A flow that has registered is its account (status 0 without a challenge), unless others may send on it as well:
// whatever a proxy has passed on has a second Via. Otherwise the credentials decide. status is 0, or what the peer is owed: 401 with WWW-Authenticate for REGISTER, 407 with Proxy-Authenticate for every other
// method, 400 for credentials that cannot be read. It may be called from any goroutine.
func (r *Registrar) Authenticate(f txn.Flow, m *wire.Message, now time.Time) (user string, challenge []wire.Field, status int) {
	if user, ok := r.table.identity(f.Key(), now); ok && m.Method != wire.REGISTER && len(m.Via) < 2 {
		return user, nil, 0
	}
	return r.prove(r.accounts.Load(), f, m, now)
}

// prove is Authenticate by the credentials of a request alone, and by certain accounts.
func (r *Registrar) prove(by *accounts, f txn.Flow, m *wire.Message, now time.Time) (user string, challenge []wire.Field, status int) {
	user, v := r.verify(by, f, m, now)
	switch v {
	case accepted:
		if g, ok := f.(txn.Guarded); ok {
			g.Proved()
		}
		return user, nil, 0
	case broken:
		r.reject(f, m, 400, "auth/malformed")
		return "", nil, 400
	case wrong:
		r.reject(f, m, challengeStatus(m.Method), "auth/wrong")
	case guessing:
		r.reject(f, m, challengeStatus(m.Method), "auth/guesses")
	case missing, stale:
	}
	return "", r.challenge(f, m.Method, v == stale, now), challengeStatus(m.Method)
}

func challengeStatus(method wire.Method) int {
	if method == wire.REGISTER {
		return 401
	}
	return 407
}

func (r *Registrar) challenge(f txn.Flow, method wire.Method, stale bool, now time.Time) []wire.Field {
	name := "Proxy-Authenticate"
	if method == wire.REGISTER {
		name = "WWW-Authenticate"
	}
	nonce := r.nonces.mint(f.Remote().Addr(), now)
	var fields []wire.Field
	for _, alg := range r.accounts.Load().offered(f) {
		a := wire.Auth{Scheme: "Digest", Params: wire.Params{
			{Name: "realm", Value: r.cfg.Domain}, {Name: "nonce", Value: nonce},
			{Name: "algorithm", Value: alg}, {Name: "qop", Value: "auth"},
		}}
		if stale {
			a.Params = append(a.Params, wire.Param{Name: "stale", Value: "true"})
		}
		fields = append(fields, wire.Field{Name: name, Value: a.String()})
	}
	return fields
}

// verify reads the credentials for our realm, whichever header carries them, and checks them. An unknown user costs the same work as a
// wrong password.
func (r *Registrar) verify(by *accounts, f txn.Flow, m *wire.Message, now time.Time) (string, verdict) {
	creds, v := r.credentials(m)
	if v != accepted {
		return "", v
	}
	get := creds.Params.Get
	alg, ok := digest.Named(get("algorithm"))
	if !ok || !slices.Contains(by.offered(f), alg.Name) || get("qop") != "auth" || get("cnonce") == "" {
		return "", missing // as if it had not been there: our challenge says what we take
	}
	nc, err := strconv.ParseUint(get("nc"), 16, 32)
	if err != nil || len(get("nc")) != 8 || len(get("response")) != alg.Digits() || get("uri") == "" {
		return "", broken
	}
	ours, fresh := r.nonces.check(get("nonce"), f.Remote().Addr(), now)
	if !ours {
		return "", stale
	}
	user := strings.Clone(get("username")) // it goes into tables and calls, which are not to hold the request
	password, known := by.password(user)
	if !known {
		password = r.decoy
	}
	ha1 := alg.Hex(user, r.cfg.Domain, password)
	ha2 := alg.Hex(string(m.Method), get("uri"))
	want := alg.Hex(ha1, get("nonce"), get("nc"), get("cnonce"), "auth", ha2)
	right := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(get("response")))) == 1
	switch {
	case !known:
		return "", wrong
	case !right:
		r.guesses.add(f.Remote().Addr(), user, now)
		return "", wrong
	case r.guesses.exhausted(f.Remote().Addr(), user, now):
		return "", guessing
	case !fresh:
		return "", stale
	case !meant(get("uri"), m):
		return "", broken
	case !r.counts.use(user, get("nonce"), uint32(nc), now):
		r.reject(f, m, challengeStatus(m.Method), "auth/replay")
		return "", stale
	}
	return user, accepted
}

// meant reports whether credentials were made for what a request asks for (RFC 7616 section 3.4.6): whoever can change it on the way has no
// other proof that the account wants to call that number. Hosts may differ, since proxies write their own, and so may numbers where the
// client names its server alone.
func meant(uri string, m *wire.Message) bool {
	u, err := wire.ParseURI(uri)
	if err != nil {
		return uri == m.URI.String()
	}
	of := func(u wire.URI) string {
		if u.Opaque != "" {
			return wire.Unescape(u.Opaque)
		}
		return wire.Unescape(u.User)
	}
	return of(u) == "" || of(u) == of(m.URI)
}

// credentials finds the one set of digest credentials for our realm. Two for the same realm are refused: which one counts would be a
// matter of taste.
func (r *Registrar) credentials(m *wire.Message) (wire.Auth, verdict) {
	var found wire.Auth
	n := 0
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, value := range m.Values(name) {
			a, err := wire.ParseAuth(value)
			if err != nil {
				return found, broken
			}
			if strings.EqualFold(a.Scheme, "Digest") && a.Params.Get("realm") == r.cfg.Domain {
				found = a
				n++
			}
		}
	}
	switch n {
	case 0:
		return found, missing
	case 1:
		return found, accepted
	}
	return found, broken
}

// CheckPassword compares an account's password in constant time, for transports that authenticate without digest. Unknown users take
// the same way.
func (r *Registrar) CheckPassword(user, password string) bool {
	want, known := r.accounts.Load().password(user)
	if !known {
		want = r.decoy
	}
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && known
}
