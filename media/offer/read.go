package offer

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// description is what a peer's SDP says. Its tokens are checked; whether its addresses and formats suit us is judged later. Its strings
// are parts of the text: who keeps one clones it.
type description struct {
	sections []section
}

// section is one m-line and what belongs to it, session-level values included.
type section struct {
	media, proto string
	format       string // the first
	portNumber   uint16
	mid          string // "" when absent
	bundled      bool   // the mid is in a BUNDLE group

	// Of audio only: everything else will be refused, and nothing else of it matters.
	direction Direction
	addr      netip.Addr // of c=; invalid when there is none or it is a name
	rtcp      netip.AddrPort
	rtcpGiven bool    // by a=rtcp
	codecs    []Codec // in the order of the m-line
	ptime     int     // milliseconds, 0 when absent
	maxPT     int     // a=maxptime, 0 when absent

	mux         bool
	xr          bool // the peer wants VoIP metrics
	setup       string
	fingerprint string
	hash        int          // place of the fingerprint in hashes; len(hashes) when it is the session's, or absent
	cryptoLines int          // how many SDES keys it has
	cryptos     []cryptoLine // those that can be served
	ufrag, pwd  string
	candidate   netip.AddrPort // first usable one
	qos         qos
}

// reader goes over the lines of an SDP once. Within a block, the session's or an m-line's, they may come in any order. Lines that the gateway
// never uses (i u e p b r z k, and unknown ones) are passed over.
type reader struct {
	description
	head                   head
	session                section  // what the session says for every m-line
	groups                 []string // mids of all BUNDLE groups
	attributes, candidates int
}

// read turns text into a description. Errors are an *Error with status 400.
func read(text string) (description, error) {
	if len(text) > maxBytes {
		return description{}, malformed("sdp too large", nil)
	}
	r := reader{session: section{hash: len(hashes)}}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		if err := r.line(line); err != nil {
			return description{}, err
		}
	}
	if err := r.end(); err != nil {
		return description{}, err
	}
	return r.description, nil
}

func (r *reader) line(line string) error {
	if hasControl(line) {
		return malformed("control character in sdp", nil)
	}
	if line = tight(line); len(line) < 2 || line[1] != '=' {
		return malformed("sdp line without a type", nil)
	}
	switch kind, value := line[0], line[2:]; kind {
	case 'm':
		return r.mline(value)
	case 'a':
		return r.attribute(value)
	case 'c':
		return r.connection(value)
	case 'v', 'o', 's', 't':
		if len(r.sections) > 0 || !r.head.take(kind, value) {
			return malformed("malformed session line", nil)
		}
	}
	return nil
}

// now is the block in hand: the session's, or that of the last m-line.
func (r *reader) now() *section {
	if n := len(r.sections); n > 0 {
		return &r.sections[n-1]
	}
	return &r.session
}

// end ends a block.
func (r *reader) end() error {
	if len(r.sections) == 0 && !r.head.whole() {
		return malformed("session lines missing or repeated", nil)
	}
	if s := r.now(); s.rtcpGiven && !s.rtcp.IsValid() {
		s.rtcp = netip.AddrPortFrom(s.addr, s.rtcp.Port())
	}
	return nil
}

// mline begins a block: "audio 49170 RTP/AVP 0 8" (RFC 8866 section 5.14).
func (r *reader) mline(value string) error {
	if len(r.sections) == maxMedia {
		return malformed("too many m-lines", nil)
	}
	if err := r.end(); err != nil {
		return err
	}
	var s section
	name, rest := word(value)
	port, rest := word(rest)
	proto, rest := word(rest)
	if name == "audio" {
		s = r.session
		s.hash = len(hashes)
	}
	s.media, s.proto = name, proto
	n, err := parsePorts(port)
	if err != nil {
		return malformed("malformed media port", err)
	}
	s.portNumber = n
	if !isToken(name) || !isToken(proto) || !s.takeFormats(rest) {
		return malformed("malformed m-line", nil)
	}
	if r.sections == nil {
		r.sections = make([]section, 0, 1) // as most have
	}
	r.sections = append(r.sections, s)
	return nil
}

// parsePorts reads "49170", or "49170/2" whose count is of no use to audio.
func parsePorts(text string) (uint16, error) {
	port, count, several := strings.Cut(text, "/")
	if several {
		if _, err := strconv.Atoi(count); err != nil {
			return 0, err
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return uint16(n), err
}

// takeFormats reads the formats of an m-line. RFC 8866 demands one, and the answer has to show one too.
func (s *section) takeFormats(text string) bool {
	if s.format, _ = word(text); s.format == "" {
		text, s.format = "0", "0"
	}
	if s.media == "audio" {
		s.codecs = make([]Codec, 0, min(words(text, nil), lastPT+1))
	}
	for {
		var f string
		if f, text = word(text); f == "" {
			return true
		}
		if !isToken(f) {
			return false
		}
		if s.media == "audio" {
			s.takeFormat(f)
		}
	}
}

// takeFormat adds a payload type to the codecs. One that is not static is nobody's until its rtpmap comes.
func (s *section) takeFormat(f string) {
	n, err := strconv.ParseUint(f, 10, 7)
	if err != nil || s.codec(uint8(n)) != nil {
		return
	}
	c := static(uint8(n))
	c.PT = uint8(n)
	s.codecs = append(s.codecs, c)
}

// codec is the one of a payload type; nil when the m-line does not have it.
func (s *section) codec(pt uint8) *Codec {
	for i := range s.codecs {
		if s.codecs[i].PT == pt {
			return &s.codecs[i]
		}
	}
	return nil
}

// connection reads "IN IP4 198.51.100.9" (RFC 8866 section 5.7). Of several of one m-line the last counts.
func (r *reader) connection(value string) error {
	var f [3]string
	if n := words(value, f[:]); n < 2 || n > 3 || f[0] != "IN" || !isFamily(f[1]) {
		return malformed("malformed connection line", nil)
	}
	if len(r.sections) == 0 {
		r.head.connection++
	}
	r.now().addr, _ = parseAddr(f[2])
	return nil
}

// attribute reads an a= line.
func (r *reader) attribute(text string) error {
	key, value, valued := strings.Cut(text, ":")
	if valued && key == "candidate" {
		if r.candidates++; r.candidates > maxCandidates {
			return nil
		}
	} else if r.attributes++; r.attributes > maxAttributes {
		return malformed("too many attributes", nil)
	}
	switch s := r.now(); {
	case len(r.sections) == 0 && key == "group":
		r.group(value)
	case len(r.sections) == 0:
		s.shared(key, value)
	case key == "mid":
		if s.mid == "" && isToken(value) {
			s.mid, s.bundled = value, slices.Contains(r.groups, value)
		}
	case s.media == "audio":
		s.own(key, value)
	}
	return nil
}

// group reads a=group; of all kinds BUNDLE is of use (RFC 9143 section 7).
func (r *reader) group(value string) {
	kind, mids := word(value)
	for kind == "BUNDLE" {
		var mid string
		if mid, mids = word(mids); mid == "" {
			return
		}
		r.groups = append(r.groups, mid)
	}
}
