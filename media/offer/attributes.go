package offer

import (
	"net/netip"
	"strconv"
	"strings"
)

// own takes an attribute that says nothing at session level, and all others.
func (s *section) own(key, value string) {
	switch key {
	case "rtpmap":
		s.rtpmap(value)
	case "fmtp":
		s.fmtp(value)
	case "rtcp":
		if !s.rtcpGiven {
			s.rtcp, s.rtcpGiven = parseRTCP(value)
		}
	case "crypto":
		s.crypto(value)
	default:
		s.shared(key, value)
	}
}

// shared takes an attribute that the session may have for all its m-lines. What an m-line says of its own comes later, and wins.
func (s *section) shared(key, value string) {
	switch key {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		s.direction, _ = parseDirection(key)
	case "ptime":
		s.ptime = milliseconds(value)
	case "maxptime":
		s.maxPT = milliseconds(value)
	case "rtcp-mux":
		s.mux = true
	case "rtcp-xr":
		s.xr = asksForXR(value)
	case "setup":
		s.setup = strings.TrimSpace(value)
	case "fingerprint":
		s.takeFingerprint(value)
	case "ice-ufrag":
		s.ufrag = strings.TrimSpace(value)
	case "ice-pwd":
		s.pwd = strings.TrimSpace(value)
	case "curr", "des", "conf":
		s.qos.take(key, value)
	case "candidate":
		if !s.candidate.IsValid() {
			s.candidate, _ = parseCandidate(value)
		}
	}
}

// rtpmap names the codec of a payload type. A static type keeps its codec, whatever a rtpmap says; of several the first counts.
func (s *section) rtpmap(value string) {
	pt, text, _ := strings.Cut(value, " ")
	n, err := strconv.ParseUint(pt, 10, 7)
	if err != nil {
		return
	}
	if at := s.codec(uint8(n)); at != nil && at.Name == "" {
		if c, ok := parseRtpmap(text); ok {
			at.Name, at.Clock, at.Channels = c.Name, c.Clock, c.Channels
		}
	}
}

// fmtp gives a payload type its parameters; the first line that says anything counts.
func (s *section) fmtp(value string) {
	pt, text, _ := strings.Cut(value, " ")
	n, err := strconv.ParseUint(pt, 10, 7)
	if err != nil {
		return
	}
	if at := s.codec(uint8(n)); at != nil && at.Fmtp == "" {
		at.Fmtp = strings.TrimSpace(text)
	}
}

// parseRTCP reads "53020", or "53020 IN IP4 203.0.113.1" (RFC 3605). Without an address it is that of the m-line.
func parseRTCP(value string) (netip.AddrPort, bool) {
	var f [4]string
	n := words(value, f[:])
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	var addr netip.Addr
	if n == 4 {
		var ok bool
		if addr, ok = parseAddr(f[3]); !ok {
			return netip.AddrPort{}, false
		}
	}
	return netip.AddrPortFrom(addr, uint16(port)), true
}

func milliseconds(s string) int {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}
