package offer

import (
	"bytes"
	"net/netip"
	"strconv"
)

// hostPriority is that of the one host candidate: type preference 126, local preference 65535, component 1 (RFC 8445 section 5.1.2).
const hostPriority = 126<<24 | 65535<<8 | 255

// write renders the session. The text is the one last sent, version included, unless something in it has changed.
func (m *Machine) write(s *session, dir Direction, setup string) []byte {
	var room [1024]byte
	if m.sent.text == nil || !bytes.Equal(m.sent.text, m.render(room[:0], s, dir, setup, m.sent.version)) {
		m.sent.version++
		m.sent.text = bytes.Clone(m.render(room[:0], s, dir, setup, m.sent.version))
	}
	return m.sent.text
}

func (m *Machine) render(b []byte, s *session, dir Direction, setup string, version uint64) []byte {
	b = m.head(b, version)
	if m.cfg.Profile == WebRTC {
		b = attribute(b, "ice-lite")
		if mid := s.slots[s.audio].mid; s.bundle && mid != "" && !s.refused {
			b = attribute(b, "group", "BUNDLE ", mid)
		}
	}
	for i := range s.slots {
		if i == s.audio && !s.refused {
			b = m.audio(b, s, dir, setup)
		} else {
			b = s.slots[i].refusal(b)
		}
	}
	return b
}

// head is the session level.
func (m *Machine) head(b []byte, version uint64) []byte {
	a := m.local.RTP.Addr().Unmap()
	b = append(append(b, "v=0\r\no="...), m.cfg.Username...)
	b = strconv.AppendUint(append(b, ' '), m.cfg.SessionID, 10)
	b = strconv.AppendUint(append(b, ' '), version, 10)
	b = network(append(b, ' '), a)
	b = network(append(b, "s=-\r\nc="...), a)
	return append(b, "t=0 0\r\n"...)
}

// network ends an o= or c= line with an address.
func network(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		b = append(b, "IN IP4 "...)
	} else {
		b = append(b, "IN IP6 "...)
	}
	return append(a.AppendTo(b), "\r\n"...)
}

// attribute writes an a= line; the parts of its value stand one behind the other, and without any it has no colon.
func attribute(b []byte, key string, value ...string) []byte {
	b = append(append(b, "a="...), key...)
	colon := len(b)
	b = append(b, ':')
	for _, v := range value {
		b = append(b, v...)
	}
	if len(b) == colon+1 {
		b = b[:colon]
	}
	return append(b, "\r\n"...)
}

// numeral writes an a= line whose value is one.
func numeral(b []byte, key string, value int) []byte {
	b = append(append(append(b, "a="...), key...), ':')
	return append(strconv.AppendInt(b, int64(value), 10), "\r\n"...)
}

// audio is our one live m-line.
func (m *Machine) audio(b []byte, s *session, dir Direction, setup string) []byte {
	sl := &s.slots[s.audio]
	b = strconv.AppendUint(append(b, "m=audio "...), uint64(m.local.RTP.Port()), 10)
	b = append(append(b, ' '), sl.proto...)
	for i := range s.formats {
		b = strconv.AppendUint(append(b, ' '), uint64(s.formats[i].PT), 10)
	}
	b = append(b, "\r\n"...)
	if sl.mid != "" {
		b = attribute(b, "mid", sl.mid)
	}
	for i := range s.formats {
		b = s.formats[i].write(b)
	}
	if m.cfg.Profile == WebRTC {
		b = m.secure(b, s.mux, setup)
	} else {
		b = numeral(b, "ptime", m.cfg.PtimeMS)
		if r := m.local.RTCP; r.IsValid() && r.Port() != m.local.RTP.Port()+1 {
			b = numeral(b, "rtcp", int(r.Port()))
		}
		if m.cfg.XR == XROn {
			b = attribute(b, "rtcp-xr", voipMetrics)
		}
		b = m.keys(b, s, setup)
	}
	b = attribute(b, dir.String())
	if m.cfg.Profile == RTP {
		b = s.qos.write(b)
	}
	return b
}

// secure adds ICE-lite with its one candidate, DTLS and mux (media.md section 6, "The answer").
func (m *Machine) secure(b []byte, mux bool, setup string) []byte {
	b = attribute(b, "ice-ufrag", m.local.Ufrag)
	b = attribute(b, "ice-pwd", m.local.Pwd)
	b = attribute(b, "fingerprint", m.local.Fingerprint)
	b = attribute(b, "setup", setup)
	if mux {
		b = attribute(b, "rtcp-mux")
	}
	b = hostCandidate(b, m.local.RTP)
	return attribute(b, "end-of-candidates")
}

// keys adds what encrypts a trunk's media.
func (m *Machine) keys(b []byte, s *session, setup string) []byte {
	switch s.guard {
	case bySDES:
		for _, c := range s.cryptos {
			b = attribute(b, "crypto", c.attribute())
		}
	case byDTLS:
		b = attribute(b, "fingerprint", m.local.Fingerprint)
		b = attribute(b, "setup", setup)
		if s.mux {
			b = attribute(b, "rtcp-mux")
		}
	case unguarded: // nothing to add
	}
	return b
}

func hostCandidate(b []byte, ap netip.AddrPort) []byte {
	b = strconv.AppendInt(append(b, "a=candidate:1 1 udp "...), hostPriority, 10)
	b = ap.Addr().Unmap().AppendTo(append(b, ' '))
	b = strconv.AppendUint(append(b, ' '), uint64(ap.Port()), 10)
	return append(b, " typ host\r\n"...)
}

// refusal is a line that we do not serve: port 0 in its place, with its transport and its mid (RFC 3264 section 6).
func (sl *slot) refusal(b []byte) []byte {
	b = append(append(append(b, "m="...), sl.media...), " 0 "...)
	b = append(append(append(b, sl.proto...), ' '), sl.format...)
	b = append(b, "\r\n"...)
	if sl.mid != "" {
		b = attribute(b, "mid", sl.mid)
	}
	return b
}
