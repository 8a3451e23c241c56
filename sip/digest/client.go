package digest

import (
	"fmt"
	"slices"
	"strings"

	"drawbridge/sip/wire"
)

// Chosen here: what a peer may ask of one request.
const (
	maxRealms = 4 // protection domains that are remembered: the peer's own, and the proxies in front of it
	maxStale  = 2 // challenges that only bring a fresh nonce
)

// Client holds what one peer has challenged a dialog with, so that later requests carry credentials unasked (RFC 3261 section 22.2).
type Client struct {
	account Account
	cnonce  func() string
	frozen  bool
	nonces  []nonce
}

// nonce is the last challenge of one protection domain.
type nonce struct {
	proxy  bool // it came in Proxy-Authenticate
	realm  string
	value  string
	opaque string
	qop    string // "auth", "auth-int" or "" (RFC 2069)
	alg    Algorithm
	named  bool // the challenge named its algorithm, so the credentials do
	stale  bool
	count  uint32
}

// Attempt follows one request through its challenges. The zero value is a request that was not sent yet.
type Attempt struct {
	answered []string // domains that have had an answer to a challenge of this request
	stale    int
}

// NewClient returns a Client without challenges. cnonce gives an unguessable token at each call.
func NewClient(a Account, cnonce func() string) *Client { return &Client{account: a, cnonce: cnonce} }

// Freeze ends the time in which a domain that the account does not name may introduce itself. After the first 2xx whoever is at the far
// end of the call can answer our requests with a 407 of its own making, and would get a hash of the password to work on.
func (c *Client) Freeze() { c.frozen = true }

// Take reads the challenges of a 401 or 407, all of them (RFC 3261 section 22.3), and reports whether sending the request again with
// Sign can do better. It cannot when a domain is not ours to answer, has refused what it was given, or asks for what we do not know.
func (c *Client) Take(resp *wire.Message, a *Attempt) bool {
	found := asked(resp)
	if len(found) > maxRealms {
		return false
	}
	for _, n := range found {
		if !c.mayAnswer(n) || !a.admits(n) {
			return false
		}
	}
	for _, n := range found {
		c.keep(n)
		a.answered = append(a.answered, n.domain())
	}
	return len(found) > 0
}

// asked are the challenges of a 401 or 407, of each domain the peer's first choice that we know (RFC 8760 section 2.4).
func asked(resp *wire.Message) []nonce {
	var found []nonce
	for _, f := range resp.Fields {
		proxy := f.Name == "Proxy-Authenticate"
		if !proxy && f.Name != "WWW-Authenticate" {
			continue
		}
		if n, ok := read(f.Value, proxy); ok && !slices.ContainsFunc(found, n.same) {
			found = append(found, n)
		}
	}
	return found
}

// Realms are the domains that a 401 or 407 asks for, those that we could answer.
func Realms(resp *wire.Message) []string {
	var out []string
	for _, n := range asked(resp) {
		out = append(out, n.realm)
	}
	return out
}

// mayAnswer keeps the password from whom it is not for.
func (c *Client) mayAnswer(n nonce) bool {
	if c.account.Realm != "" {
		return n.realm == c.account.Realm
	}
	known := slices.ContainsFunc(c.nonces, n.same)
	return known || !c.frozen && len(c.nonces) < maxRealms
}

// admits reports whether an answer to n is new to the peer: it is the domain's first challenge of this request, or a fresh nonce.
func (a *Attempt) admits(n nonce) bool {
	if !slices.Contains(a.answered, n.domain()) {
		return true
	}
	a.stale++
	return n.stale && a.stale <= maxStale
}

func (c *Client) keep(n nonce) {
	if i := slices.IndexFunc(c.nonces, n.same); i >= 0 {
		c.nonces[i] = n
		return
	}
	c.nonces = append(c.nonces, n)
}

func (n nonce) same(o nonce) bool { return n.proxy == o.proxy && n.realm == o.realm }

func (n nonce) domain() string { return fmt.Sprint(n.proxy, n.realm) }

// read takes one challenge. ok is false for what cannot be answered: another scheme, an unknown algorithm or qop.
func read(value string, proxy bool) (n nonce, ok bool) {
	a, err := wire.ParseAuth(value)
	if err != nil || !strings.EqualFold(a.Scheme, "Digest") {
		return nonce{}, false
	}
	get := a.Params.Get
	alg, known := Named(get("algorithm"))
	n = nonce{
		proxy: proxy, realm: get("realm"), value: get("nonce"), opaque: get("opaque"), alg: alg, named: get("algorithm") != "",
		stale: strings.EqualFold(get("stale"), "true"),
	}
	offered, any := a.Params.Lookup("qop")
	n.qop = choose(offered)
	return n, known && n.value != "" && (n.qop != "" || !any)
}

// choose picks the protection: the request line alone where that is offered, because nobody on the way changes our bodies.
func choose(offered string) string {
	var integrity bool
	for q := range strings.SplitSeq(offered, ",") {
		switch strings.ToLower(strings.TrimSpace(q)) {
		case "auth":
			return "auth"
		case "auth-int":
			integrity = true
		}
	}
	if integrity {
		return "auth-int"
	}
	return ""
}

// Sign gives a complete request the credentials of every domain that has challenged, in place of those it had. Without challenges it
// changes nothing.
func (c *Client) Sign(m *wire.Message) {
	m.Del("Authorization")
	m.Del("Proxy-Authorization")
	for i := range c.nonces {
		n := &c.nonces[i]
		name := "Authorization"
		if n.proxy {
			name = "Proxy-Authorization"
		}
		m.Add(name, c.credentials(n, m).String())
	}
}

// credentials answers a challenge for a request (RFC 7616 section 3.4).
func (c *Client) credentials(n *nonce, m *wire.Message) wire.Auth {
	uri := m.URI.String()
	ha1 := n.alg.Hex(c.account.User, n.realm, c.account.Password)
	ha2 := n.alg.Hex(string(m.Method), uri)
	if n.qop == "auth-int" {
		ha2 = n.alg.Hex(string(m.Method), uri, n.alg.Hex(string(m.Body)))
	}
	p := wire.Params{
		{Name: "username", Value: c.account.User}, {Name: "realm", Value: n.realm}, {Name: "nonce", Value: n.value}, {Name: "uri", Value: uri},
	}
	if n.qop == "" {
		p = append(p, wire.Param{Name: "response", Value: n.alg.Hex(ha1, n.value, ha2)})
	} else {
		n.count++
		nc, cnonce := fmt.Sprintf("%08x", n.count), c.cnonce()
		p = append(p,
			wire.Param{Name: "response", Value: n.alg.Hex(ha1, n.value, nc, cnonce, n.qop, ha2)},
			wire.Param{Name: "cnonce", Value: cnonce}, wire.Param{Name: "nc", Value: nc}, wire.Param{Name: "qop", Value: n.qop})
	}
	if n.named {
		p = append(p, wire.Param{Name: "algorithm", Value: n.alg.Name})
	}
	if n.opaque != "" {
		p = append(p, wire.Param{Name: "opaque", Value: n.opaque})
	}
	return wire.Auth{Scheme: "Digest", Params: p}
}
