package offer

import (
	"slices"
	"strings"
)

// mline is the text of one m= line (RFC 8866 section 5.14).
type mline struct {
	media, port, proto string
	formats            []string
}

// pionMedia and pionProtos are what the typed parser accepts. A line of another kind (T.38, new transports) is kept aside and stands
// in the parsed text as foreignLine: it will be refused in its place, not with the whole offer.
var (
	pionMedia  = []string{"audio", "video", "text", "application", "message"}
	pionProtos = []string{
		"UDP", "RTP", "AVP", "SAVP", "SAVPF", "TLS", "DTLS", "SCTP", "AVPF", "TCP", "MSRP", "BFCP", "UDT", "IX", "MRCPv2", "FEC",
	}
)

const foreignLine = "m=application 0 UDP 0"

// scan holds the limits and returns the text for the typed parser together with its m= lines. The text has equal line ends and each
// block's lines in the order of RFC 8866 section 5, which some telephones ignore; lines that the gateway never reads (i u e p b r z k)
// and candidates beyond the limit are gone.
func scan(raw []byte) (string, []mline, error) {
	if len(raw) > maxBytes {
		return "", nil, malformed("sdp too large", nil)
	}
	s := scanner{out: make([]byte, 0, len(raw)+16), block: make([]string, 0, 16)}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		if err := s.take(line); err != nil {
			return "", nil, err
		}
	}
	s.flush()
	return string(s.out), s.media, nil
}

// lineOrder is that of a block, the session's or an m-line's.
const lineOrder = "mvoscta"

type scanner struct {
	out                    []byte
	block                  []string // the lines of the block in hand
	media                  []mline
	attributes, candidates int
}

func (s *scanner) take(line string) error {
	if strings.ContainsFunc(line, isControl) {
		return malformed("control character in sdp", nil)
	}
	if line = tight(line); len(line) < 2 || line[1] != '=' {
		return malformed("sdp line without a type", nil)
	}
	switch line[0] {
	case 'm':
		return s.takeMedia(line)
	case 'a':
		if strings.HasPrefix(line, "a=candidate:") {
			if s.candidates++; s.candidates > maxCandidates {
				return nil
			}
		} else if s.attributes++; s.attributes > maxAttributes {
			return malformed("too many attributes", nil)
		}
	}
	s.keep(line)
	return nil
}

// tight takes out blanks before the equals sign. RFC 8866 section 5 forbids them, but what was meant is plain and never written on.
func tight(line string) string {
	if len(line) < 2 || line[1] != ' ' {
		return line
	}
	if rest := strings.TrimLeft(line[1:], " "); strings.HasPrefix(rest, "=") {
		return line[:1] + rest
	}
	return line
}

// takeMedia begins a block.
func (s *scanner) takeMedia(line string) error {
	if len(s.media) == maxMedia {
		return malformed("too many m-lines", nil)
	}
	m, ok := parseMline(line[2:])
	if !ok {
		return malformed("malformed m-line", nil)
	}
	s.flush()
	s.media = append(s.media, m)
	if m.foreign() {
		line = foreignLine
	}
	s.keep(line)
	return nil
}

func (s *scanner) keep(line string) {
	if strings.IndexByte(lineOrder, line[0]) >= 0 {
		s.block = append(s.block, line)
	}
}

// flush ends a block.
func (s *scanner) flush() {
	for i := range len(lineOrder) {
		for _, line := range s.block {
			if line[0] == lineOrder[i] {
				s.out = append(append(s.out, line...), '\r', '\n')
			}
		}
	}
	s.block = s.block[:0]
}

func parseMline(text string) (mline, bool) {
	f := strings.Fields(text)
	if len(f) < 3 || slices.ContainsFunc(f, func(s string) bool { return !isToken(s) }) {
		return mline{}, false
	}
	m := mline{media: f[0], port: f[1], proto: f[2], formats: f[3:]}
	if len(m.formats) == 0 {
		m.formats = []string{"0"} // RFC 8866 demands one; the answer has to show one too
	}
	return m, true
}

func (m mline) foreign() bool {
	if !slices.Contains(pionMedia, m.media) {
		return true
	}
	for p := range strings.SplitSeq(m.proto, "/") {
		if !slices.Contains(pionProtos, p) {
			return true
		}
	}
	return false
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isToken reports whether s is visible ASCII without space: fit to be echoed in a line of ours.
func isToken(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
