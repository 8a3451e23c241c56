package topology

import (
	"mime"
	"strings"

	"drawbridge/policy/profile"
	"drawbridge/sip/wire"
)

// Told is what an INVITE says of the people in it, in one form whatever the peer's is. Read makes it, Dress writes it for another peer.
type Told struct {
	Called     string      // user part of who is called, as written, without parameters
	Params     wire.Params // number portability behind it: npdi, rn, cic
	Tel        bool        // the Request-URI is a tel: URI
	Display    string      // the caller's name as written
	Private    bool        // the caller is not to be named
	Transit    bool        // the caller is behind another trunk
	Diversions []Diversion // newest first
	Verstat    string      // what another network has found out about the caller's number; "" when it says nothing
	Identity   []string    // Identity values (RFC 8224)
	UUI        string      // user-to-user information, hexadecimal
}

// Read takes from an INVITE what the peer's profile says is to be found there. A nil profile reads Request-URI, From and Privacy.
func Read(m *wire.Message, p *profile.Profile) Told {
	if p == nil {
		p = &profile.Profile{}
	}
	id := p.Identity
	called, caller := calledIn(m, id.CalledFrom), callerIn(m, id.IDIn)
	t := Told{Tel: m.URI.Scheme == "tel", Display: named(caller.Display), Private: Private(m) || nameless(m.From.URI)}
	if t.Display == "" && !nameless(m.From.URI) {
		t.Display = named(m.From.Display)
	}
	t.Called, t.Params = numberOf(called)
	if id.CLIRIn == "prefix" {
		t.Called, t.Private = cutCLIR(t.Called, t.Private)
	}
	if id.CLIRIn == "rpid" || id.IDIn == "rpid" {
		t.Private = t.Private || withheld(m)
	}
	switch id.DivIn {
	case "diversion":
		t.Diversions = diversions(m)
	case "hi":
		t.Diversions = history(m)
	}
	for i := range t.Diversions {
		t.Diversions[i].User = p.NumberIn(t.Diversions[i].User)
	}
	if id.Verstat == "keep" {
		t.Verstat = verstatOf(caller.URI)
	}
	if id.STIR == "pass" {
		t.Identity = m.Values("Identity")
	}
	t.UUI = userToUser(m, id.UUI)
	return t
}

// CallerOf is the user part of who sends a request, from where the peer's profile says that it is: without parameters and escapes.
func CallerOf(m *wire.Message, p *profile.Profile) string {
	from := ""
	if p != nil {
		from = p.Identity.IDIn
	}
	user, _ := numberOf(callerIn(m, from).URI)
	return wire.Unescape(user)
}

// calledIn is the URI that names who is called: the Request-URI when the header that should does not.
func calledIn(m *wire.Message, from string) wire.URI {
	switch from {
	case "to":
		if m.To.URI.User != "" || m.To.URI.Opaque != "" {
			return m.To.URI
		}
	case "pcpid":
		if a, err := wire.ParseAddr(m.Get("P-Called-Party-ID")); err == nil {
			return a.URI
		}
	}
	return m.URI
}

// idHeaders are the headers that name who calls, by the words of id.in and id.out.
var idHeaders = map[string]string{"pai": "P-Asserted-Identity", "ppi": "P-Preferred-Identity", "rpid": "Remote-Party-ID"}

// callerIn is the address that names who calls: From when the header that should does not. Of several values the first with a number counts
// (RFC 3325 section 9.1: one sip:, one tel:).
func callerIn(m *wire.Message, from string) wire.Addr {
	for _, v := range m.Values(idHeaders[from]) {
		a, err := wire.ParseAddr(v)
		if err == nil && (a.URI.User != "" || a.URI.Opaque != "") && (from != "rpid" || a.Params.Get("party") != "called") {
			return a
		}
	}
	return m.From
}

// portability are the user parameters that may cross (RFC 4694).
var portability = []string{"npdi", "rn", "cic"}

// numberOf takes a URI's user part apart. A local number with a global context is a global one (RFC 3966 section 5.1.5).
func numberOf(u wire.URI) (user string, kept wire.Params) {
	if u.Emergency() {
		return "urn:" + strings.ToLower(u.Opaque), nil
	}
	params := u.Params
	if user = u.Opaque; u.Scheme != "tel" {
		var rest string
		user, rest, _ = strings.Cut(u.User, ";")
		params = userParams(rest)
	}
	if c := params.Get("phone-context"); strings.HasPrefix(c, "+") && !strings.HasPrefix(user, "+") {
		user = c + user
	}
	for _, name := range portability {
		if v, ok := params.Lookup(name); ok && plainParam(v) {
			kept.Set(name, v)
		}
	}
	return user, kept
}

// userParams reads the parameters inside a user part.
func userParams(s string) (p wire.Params) {
	for one := range strings.SplitSeq(s, ";") {
		if name, value, _ := strings.Cut(one, "="); name != "" && len(p) < 16 {
			p.Set(name, value)
		}
	}
	return p
}

// plainParam lets numbers and carrier codes through.
func plainParam(v string) bool {
	return len(v) <= 32 && strings.Trim(v, "+-.()0123456789abcdefABCDEF") == ""
}

// nameless reports the From of somebody who is not named (RFC 3323 section 4.1.1.3).
func nameless(u wire.URI) bool { return u.Host == "anonymous.invalid" }

// clirPrefix withholds the number of one call (ETSI EN 300 738 and most keypads).
const clirPrefix = "*31#"

// cutCLIR takes the prefix off, in plain or with its # escaped.
func cutCLIR(user string, private bool) (string, bool) {
	for _, prefix := range []string{clirPrefix, "*31%23"} {
		if rest, ok := strings.CutPrefix(user, prefix); ok {
			return rest, true
		}
	}
	return user, private
}

// withheld reports privacy in a Remote-Party-ID of the caller.
func withheld(m *wire.Message) bool {
	for _, v := range m.Values("Remote-Party-ID") {
		a, err := wire.ParseAddr(v)
		if err == nil && a.Params.Get("party") != "called" && (a.Params.Get("privacy") == "full" || a.Params.Get("privacy") == "uri") {
			return true
		}
	}
	return false
}

// named decodes what mail programs make of a name (RFC 2047): SIP never asks for it, gateways send it all the same.
func named(name string) string {
	if !strings.HasPrefix(name, "=?") {
		return name
	}
	plain, err := new(mime.WordDecoder).DecodeHeader(name)
	if err != nil {
		return ""
	}
	return plain
}

// verstats are the values of verstat (3GPP TS 24.229 section 7.2A.20).
var verstats = map[string]string{
	"tn-validation-passed": "TN-Validation-Passed", "tn-validation-failed": "TN-Validation-Failed", "no-tn-validation": "No-TN-Validation",
}

func verstatOf(u wire.URI) string {
	_, inUser, _ := strings.Cut(u.User, ";")
	if v := verstats[strings.ToLower(userParams(inUser).Get("verstat"))]; v != "" {
		return v
	}
	return verstats[strings.ToLower(u.Params.Get("verstat"))]
}
