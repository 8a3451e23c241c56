package profile

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is one mistake of a profile. Key is the switch, Index the row of a table or -1.
type Problem struct {
	Key   string
	Index int
	Err   error
}

// Errors of Check, besides those of number tables.
var (
	ErrStatus  = errors.New("a row of a cause table needs status and as or cause: statuses are 400 to 699, causes 1 to 127")
	ErrTimer   = errors.New("an interval is 0, or 90 to 86400 seconds (RFC 4028 section 4)")
	ErrRange   = errors.New("out of range")
	ErrNumber  = errors.New("no number of digits, * and # with + at its front at most")
	ErrHeader  = errors.New("no header that may be named here")
	ErrHost    = errors.New("no host name or IPv4 address")
	ErrUser    = errors.New("no user part of a SIP URI")
	ErrNeedsID = errors.New("needs id.number, and id.out: pai, ppi or rpid")
)

// Check compiles the tables of the profile and returns every mistake. A profile that was not checked rewrites no numbers.
func (p *Profile) Check() []Problem {
	var c checker
	p.numIn = c.table("num.in", p.Identity.NumIn)
	p.numOut = c.table("num.out", p.Identity.NumOut)
	p.emergency = c.table("emerg.map", p.Identity.EmergencyMap)
	c.number("id.number", p.Identity.IDNumber)
	c.number("div.own_number", p.Identity.DivOwn)
	if id := p.Identity; id.NoScreening && (id.IDNumber == "" || id.IDOut == "" || id.IDOut == "from") {
		c.add("id.no_screening", -1, ErrNeedsID)
	}
	c.within("div.max", p.Identity.DivMax, 0, 20)
	c.within("uui.max", p.Identity.UUIMax, 0, 2048)
	c.within("display.max", p.Identity.DisplayAt, 0, 128)
	if se := p.Call.TimerSE; se != 0 && (se < 90 || se > 86400) {
		c.add("timer.se", -1, ErrTimer)
	}
	for i, status := range p.Call.Next {
		if !isStatus(status) {
			c.add("reroute.next", i, fmt.Errorf("%d: %w: 400 to 699", status, ErrRange))
		}
	}
	for i, r := range p.Cause.In {
		if !isStatus(r.Status) || r.As == 0 && r.Cause == 0 || r.As != 0 && !isStatus(r.As) || r.Cause < 0 || r.Cause > 127 {
			c.add("cause.in", i, ErrStatus)
		}
	}
	for i, r := range p.Cause.Out {
		if !isStatus(r.As) || r.Status == 0 && r.Cause == 0 || r.Status != 0 && !isStatus(r.Status) || r.Cause < 0 || r.Cause > 127 {
			c.add("cause.out", i, ErrStatus)
		}
	}
	if h := p.Wire.ContactHost; strings.Trim(h, hostChars) != "" || len(h) > maxHost {
		c.add("contact.host", -1, ErrHost)
	}
	if h := p.Wire.Charging; strings.Trim(h, hostChars) != "" || len(h) > maxHost {
		c.add("hdr.pcv", -1, ErrHost)
	}
	if u := p.Wire.ContactUser; strings.Trim(u, userChars) != "" || len(u) > maxHost {
		c.add("contact.user", -1, ErrUser)
	}
	c.headers("hdr.pass", p.Wire.Pass, Passable)
	c.headers("hdr.drop", p.Wire.Drop, droppable)
	c.headers("mtu.drop_order", p.Wire.DropOrder, droppable)
	for i, h := range p.Identity.EmergencyLocation {
		if !Locates(h.Name) || h.Value == "" || strings.ContainsAny(h.Value, "\r\n") {
			c.add("emerg.location", i, ErrHeader)
		}
	}
	return c.found
}

func isStatus(n int) bool { return n >= 400 && n < 700 }

// What a Contact may be made of (RFC 3261 section 25.1), and how long a part of it may be in bytes.
const (
	alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	hostChars    = alphanumeric + "-."
	userChars    = alphanumeric + "-_.!~*'()&=+$,;?/"
	maxHost      = 253
)

// checker collects problems.
type checker struct{ found []Problem }

func (c *checker) add(key string, index int, err error) {
	c.found = append(c.found, Problem{key, index, err})
}

func (c *checker) table(key string, rows []Rewrite) []rule {
	out, at, err := compile(rows)
	if err != nil {
		c.add(key, at, err)
	}
	return out
}

func (c *checker) number(key, n string) {
	if n != "" && (strings.Trim(strings.TrimPrefix(n, "+"), "0123456789*#") != "" || len(n) > maxNumber) {
		c.add(key, -1, ErrNumber)
	}
}

func (c *checker) within(key string, n, low, high int) {
	if n < low || n > high {
		c.add(key, -1, fmt.Errorf("%d: %w: %d to %d", n, ErrRange, low, high))
	}
}

func (c *checker) headers(key string, names []string, may func(string) bool) {
	for i, name := range names {
		if !may(name) {
			c.add(key, i, fmt.Errorf("%q: %w", name, ErrHeader))
		}
	}
}

// structural are the headers that make a request what it is.
var structural = []string{
	"via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m", "max-forwards", "content-type", "c", "content-length", "l",
	"route", "record-route", "require", "proxy-require", "rack", "rseq", "authorization", "proxy-authorization",
}

// droppable says whether a header may be left out of a request without breaking it.
func droppable(name string) bool { return isToken(name) && !listed(structural, name) }

// private headers name addresses, people or networks of the side they come from, or mean something to us.
var private = []string{
	"p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion", "history-info", "privacy", "refer-to", "r", "referred-by", "b",
	"replaces", "join", "path", "service-route", "warning", "server", "user-agent", "organization", "alert-info", "call-info", "error-info", "reply-to",
	"in-reply-to", "identity", "y", "identity-info", "session-id", "p-charging-vector", "p-charging-function-addresses", "p-access-network-info",
	"p-visited-network-id", "p-called-party-id", "p-associated-uri", "target-dialog", "geolocation", "resource-priority", "accept-contact", "a",
	"reject-contact", "j", "supported", "k", "allow", "allow-events", "u", "session-expires", "x", "min-se", "expires", "event", "o", "reason",
	"user-to-user", "www-authenticate", "proxy-authenticate", "unsupported", "security-client", "security-verify", "p-early-media",
}

// Passable says whether hdr.pass may name a header: none that makes the request what it is, or that names the side it comes from.
func Passable(name string) bool { return droppable(name) && !listed(private, name) }

// telling headers name addresses or people of the side they come from, and mean nothing to us: where both sides say so they may cross.
var telling = []string{
	"alert-info", "call-info", "error-info", "geolocation", "geolocation-routing", "organization", "reply-to", "in-reply-to", "accept-contact", "a",
	"reject-contact", "j", "resource-priority", "session-id", "p-access-network-info", "p-visited-network-id", "p-charging-function-addresses",
}

// Crosses says whether the allow-lists of two sides may let a header cross.
func Crosses(name string) bool { return Passable(name) || listed(telling, name) }

// spoken are SDP attributes that we write ourselves, or that name the media of one side alone.
var spoken = []string{
	"rtpmap", "fmtp", "ptime", "maxptime", "sendrecv", "sendonly", "recvonly", "inactive", "mid", "group", "msid", "msid-semantic", "extmap",
	"extmap-allow-mixed", "rtcp", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "rtcp-fb", "rtcp-xr", "ssrc", "ssrc-group", "cname", "crypto", "key-mgmt",
	"fingerprint", "setup", "connection", "tls-id", "identity", "ice-lite", "ice-ufrag", "ice-pwd", "ice-options", "ice-mismatch", "candidate",
	"remote-candidates", "end-of-candidates", "curr", "des", "conf", "bundle-only", "simulcast", "rid", "imageattr", "framerate", "t38faxversion",
}

// CrossesSDP says whether the allow-lists of two sides may let an SDP attribute cross.
func CrossesSDP(name string) bool { return isToken(name) && !listed(spoken, name) }

// CrossesBody says whether the allow-lists of two sides may let a part of a body cross: not what we read and write ourselves, nor what
// holds messages or further parts.
func CrossesBody(media string) bool {
	kind, sub, ok := strings.Cut(strings.ToLower(media), "/")
	return ok && isToken(kind) && isToken(sub) && kind != "multipart" && kind != "message" && kind+"/"+sub != "application/sdp"
}

// locating are the headers that say where an emergency call comes from.
var locating = []string{"geolocation", "geolocation-routing", "p-access-network-info", "p-emergency-info", "call-info"}

// Locates says whether emerg.location may name a header; X- headers are for national forms.
func Locates(name string) bool {
	return listed(locating, name) || isToken(name) && strings.HasPrefix(strings.ToLower(name), "x-")
}

func listed(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// isToken is RFC 3261's token.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~") == ""
}
