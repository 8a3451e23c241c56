package offer

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// description is what a peer's SDP says. Its tokens are checked; whether its addresses and formats suit us is judged later.
type description struct {
	sections []section
}

// section is one m-line and what belongs to it, session-level values included.
type section struct {
	mline
	portNumber uint16
	mid        string // "" when absent
	bundled    bool   // the mid is in a BUNDLE group
	direction  Direction

	addr   netip.Addr // of c=; invalid when there is none or it is a name
	rtcp   netip.AddrPort
	codecs []Codec // in the order of the m-line
	ptime  int     // milliseconds, 0 when absent
	maxPT  int     // a=maxptime, 0 when absent

	mux         bool
	xr          bool // the peer wants VoIP metrics
	setup       string
	fingerprint string
	keyed       bool         // it has SDES keys
	cryptos     []cryptoLine // those that can be served
	ufrag, pwd  string
	candidate   netip.AddrPort // first usable one
	qos         qos
}

// read turns text into a description. Errors are an *Error with status 400.
func read(raw []byte) (*description, error) {
	text, lines, err := scan(raw)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, malformed("empty sdp", nil) // the typed parser takes it for a session without media
	}
	var typed sdp.SessionDescription
	if err := typed.UnmarshalString(text); err != nil {
		return nil, malformed("unreadable sdp", err)
	}
	if len(typed.MediaDescriptions) != len(lines) {
		return nil, malformed("unreadable m-lines", nil)
	}
	d := &description{sections: make([]section, len(lines))}
	groups := bundles(typed.Attributes)
	for i, m := range typed.MediaDescriptions {
		s := &d.sections[i]
		if err := s.read(lines[i], &typed, m); err != nil {
			return nil, err
		}
		s.bundled = s.mid != "" && slices.Contains(groups, s.mid)
	}
	return d, nil
}

// bundles are the mids of all BUNDLE groups (RFC 9143 section 7).
func bundles(attributes []sdp.Attribute) []string {
	var mids []string
	for _, a := range attributes {
		if a.Key != "group" {
			continue
		}
		if f := strings.Fields(a.Value); len(f) > 0 && f[0] == "BUNDLE" {
			mids = append(mids, f[1:]...)
		}
	}
	return mids
}

func (s *section) read(line mline, session *sdp.SessionDescription, m *sdp.MediaDescription) error {
	s.mline = line
	port, _, _ := strings.Cut(line.port, "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return malformed("malformed media port", err)
	}
	s.portNumber = uint16(n)
	if v, ok := m.Attribute("mid"); ok && isToken(v) {
		s.mid = v
	}
	if s.media != "audio" {
		return nil // it will be refused: nothing else of it matters
	}
	s.addr = connection(session, m)
	s.codecs = codecs(line.formats, m.Attributes)
	for _, level := range [][]sdp.Attribute{session.Attributes, m.Attributes} {
		s.attributes(level)
	}
	s.rtcp = rtcpAddr(m, s.addr)
	_, s.keyed = m.Attribute("crypto")
	s.cryptos = cryptos(m.Attributes)
	return nil
}

// connection is the address of the media-level c= line, else of the session's.
func connection(session *sdp.SessionDescription, m *sdp.MediaDescription) netip.Addr {
	c := m.ConnectionInformation
	if c == nil {
		c = session.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return netip.Addr{}
	}
	a, _ := parseAddr(c.Address.Address)
	return a
}

// attributes takes over one level; called for the session's first, so the media's own win.
func (s *section) attributes(level []sdp.Attribute) {
	var fingerprints []string
	for _, a := range level {
		if d, ok := parseDirection(a.Key); ok {
			s.direction = d
			continue
		}
		switch a.Key {
		case "ptime":
			s.ptime = milliseconds(a.Value)
		case "maxptime":
			s.maxPT = milliseconds(a.Value)
		case "rtcp-mux":
			s.mux = true
		case "rtcp-xr":
			s.xr = asksForXR(a.Value)
		case "setup":
			s.setup = strings.TrimSpace(a.Value)
		case "fingerprint":
			fingerprints = append(fingerprints, a.Value)
		case "ice-ufrag":
			s.ufrag = strings.TrimSpace(a.Value)
		case "ice-pwd":
			s.pwd = strings.TrimSpace(a.Value)
		case "curr", "des", "conf":
			s.qos.take(a.Key, a.Value)
		case "candidate":
			if ap, ok := parseCandidate(a.Value); ok && !s.candidate.IsValid() {
				s.candidate = ap
			}
		}
	}
	if fp := bestFingerprint(fingerprints); fp != "" {
		s.fingerprint = fp
	}
}

// codecs reads the formats of an m-line with their rtpmap and fmtp. Formats it cannot name are left out; the first rtpmap of a type counts.
func codecs(formats []string, attributes []sdp.Attribute) []Codec {
	var maps []Codec
	var params []fmtp
	for _, a := range attributes {
		switch a.Key {
		case "rtpmap":
			if c, ok := parseRtpmap(a.Value); ok && c.Name != "" && indexPT(maps, c.PT) < 0 {
				maps = append(maps, c)
			}
		case "fmtp":
			pt, text, _ := strings.Cut(a.Value, " ")
			if n, err := strconv.ParseUint(pt, 10, 7); err == nil {
				params = append(params, fmtp{uint8(n), strings.TrimSpace(text)})
			}
		}
	}
	var out []Codec
	for _, f := range formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil || indexPT(out, uint8(n)) >= 0 {
			continue
		}
		c, ok := staticCodecs[uint8(n)] // a static type keeps its codec, whatever a rtpmap says
		if i := indexPT(maps, uint8(n)); !ok && i >= 0 {
			c = maps[i]
		}
		c.PT, c.Fmtp = uint8(n), strings.Clone(paramsOf(params, uint8(n)))
		out = append(out, c) // Name "" stays: in an answer it means what we offered
	}
	return out
}

// fmtp is one a=fmtp line.
type fmtp struct {
	pt   uint8
	text string
}

func indexPT(codecs []Codec, pt uint8) int {
	return slices.IndexFunc(codecs, func(c Codec) bool { return c.PT == pt })
}

// paramsOf is the first fmtp of a type that says anything.
func paramsOf(params []fmtp, pt uint8) string {
	for _, p := range params {
		if p.pt == pt && p.text != "" {
			return p.text
		}
	}
	return ""
}

// rtcpAddr reads a=rtcp (RFC 3605); invalid when absent or unreadable.
func rtcpAddr(m *sdp.MediaDescription, addr netip.Addr) netip.AddrPort {
	v, ok := m.Attribute("rtcp")
	if !ok {
		return netip.AddrPort{}
	}
	f := strings.Fields(v)
	if len(f) == 0 {
		return netip.AddrPort{}
	}
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return netip.AddrPort{}
	}
	if len(f) == 4 {
		a, ok := parseAddr(f[3])
		if !ok {
			return netip.AddrPort{}
		}
		addr = a
	}
	return netip.AddrPortFrom(addr, uint16(port))
}

func milliseconds(s string) int {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// hashes are the fingerprint algorithms accepted, best first (RFC 8122 section 5; SHA-1 and MD5 are refused), with their bytes.
var hashes = []struct {
	name string
	size int
}{{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}}

// bestFingerprint picks the fingerprint to check and writes it as "sha-256 AB:CD:..."; "" when none is fit.
func bestFingerprint(values []string) string {
	for _, h := range hashes {
		for _, v := range values {
			name, digits, _ := strings.Cut(strings.TrimSpace(v), " ")
			digits = strings.ToUpper(strings.TrimSpace(digits))
			if strings.EqualFold(name, h.name) && isDigest(digits, h.size) {
				return h.name + " " + digits
			}
		}
	}
	return ""
}

func isDigest(s string, size int) bool {
	if len(s) != 3*size-1 {
		return false
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	return err == nil && len(b) == size
}

// isICEText reports whether s is ice-chars of a legal length (RFC 8839 section 5.4).
func isICEText(s string, least int) bool {
	return len(s) >= least && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/')
	})
}
