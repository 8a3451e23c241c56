package offer

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// hostPriority is that of the one host candidate: type preference 126, local preference 65535, component 1 (RFC 8445 section 5.1.2).
const hostPriority = 126<<24 | 65535<<8 | 255

// write renders the session. The text is the one last sent, version included, unless something in it has changed.
func (m *Machine) write(s *session, dir Direction, setup string) []byte {
	if m.sent.text == nil || !bytes.Equal(m.sent.text, m.render(s, dir, setup, m.sent.version)) {
		m.sent.version++
		m.sent.text = m.render(s, dir, setup, m.sent.version)
	}
	return m.sent.text
}

func (m *Machine) render(s *session, dir Direction, setup string, version uint64) []byte {
	d := m.head(version)
	if m.cfg.Profile == WebRTC {
		d.Attributes = append(d.Attributes, sdp.NewPropertyAttribute("ice-lite"))
		if mid := s.slots[s.audio].mid; s.bundle && mid != "" && !s.refused {
			d.Attributes = append(d.Attributes, sdp.NewAttribute("group", "BUNDLE "+mid))
		}
	}
	for i, sl := range s.slots {
		if i == s.audio && !s.refused {
			d.MediaDescriptions = append(d.MediaDescriptions, m.audio(s, dir, setup))
		} else {
			d.MediaDescriptions = append(d.MediaDescriptions, sl.refusal())
		}
	}
	text, err := d.Marshal()
	if err != nil { // Marshal of a value built here has no way to fail
		return nil
	}
	return text
}

// head is the session level.
func (m *Machine) head(version uint64) *sdp.SessionDescription {
	a := m.local.RTP.Addr().Unmap()
	return &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: m.cfg.Username, SessionID: m.cfg.SessionID, SessionVersion: version,
			NetworkType: "IN", AddressType: family(a), UnicastAddress: a.String(),
		},
		SessionName: "-",
		ConnectionInformation: &sdp.ConnectionInformation{
			NetworkType: "IN", AddressType: family(a), Address: &sdp.Address{Address: a.String()},
		},
		TimeDescriptions: []sdp.TimeDescription{{}},
	}
}

// audio is our one live m-line.
func (m *Machine) audio(s *session, dir Direction, setup string) *sdp.MediaDescription {
	sl := s.slots[s.audio]
	md := &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: "audio", Port: sdp.RangedPort{Value: int(m.local.RTP.Port())}, Protos: strings.Split(sl.proto, "/"),
	}}
	for _, c := range s.formats {
		md.MediaName.Formats = append(md.MediaName.Formats, strconv.Itoa(int(c.PT)))
	}
	if sl.mid != "" {
		md.WithValueAttribute("mid", sl.mid)
	}
	for _, c := range s.formats {
		md.WithValueAttribute("rtpmap", c.rtpmap())
		if c.Fmtp != "" {
			md.WithValueAttribute("fmtp", strconv.Itoa(int(c.PT))+" "+c.Fmtp)
		}
	}
	if m.cfg.Profile == WebRTC {
		m.secure(md, s.mux, setup)
	} else {
		md.WithValueAttribute("ptime", strconv.Itoa(m.cfg.PtimeMS))
		if r := m.local.RTCP; r.IsValid() && r.Port() != m.local.RTP.Port()+1 {
			md.WithValueAttribute("rtcp", strconv.Itoa(int(r.Port())))
		}
		if m.cfg.XR == XROn {
			md.WithValueAttribute("rtcp-xr", voipMetrics)
		}
		m.keys(md, s, setup)
	}
	md.WithPropertyAttribute(dir.String())
	if m.cfg.Profile == RTP {
		s.qos.write(md)
	}
	return md
}

// secure adds ICE-lite with its one candidate, DTLS and mux (media.md section 6, "The answer").
func (m *Machine) secure(md *sdp.MediaDescription, mux bool, setup string) {
	md.WithValueAttribute("ice-ufrag", m.local.Ufrag)
	md.WithValueAttribute("ice-pwd", m.local.Pwd)
	md.WithValueAttribute("fingerprint", m.local.Fingerprint)
	md.WithValueAttribute("setup", setup)
	if mux {
		md.WithPropertyAttribute("rtcp-mux")
	}
	md.WithValueAttribute("candidate", hostCandidate(m.local.RTP))
	md.WithPropertyAttribute("end-of-candidates")
}

// keys adds what encrypts a trunk's media.
func (m *Machine) keys(md *sdp.MediaDescription, s *session, setup string) {
	switch s.guard {
	case bySDES:
		for _, c := range s.cryptos {
			md.WithValueAttribute("crypto", c.attribute())
		}
	case byDTLS:
		md.WithValueAttribute("fingerprint", m.local.Fingerprint)
		md.WithValueAttribute("setup", setup)
		if s.mux {
			md.WithPropertyAttribute("rtcp-mux")
		}
	case unguarded: // nothing to add
	}
}

func hostCandidate(ap netip.AddrPort) string {
	return "1 1 udp " + strconv.Itoa(hostPriority) + " " + ap.Addr().Unmap().String() + " " + strconv.Itoa(int(ap.Port())) + " typ host"
}

// refusal is a line that we do not serve: port 0 in its place, with its transport and its mid (RFC 3264 section 6).
func (sl slot) refusal() *sdp.MediaDescription {
	md := &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: sl.media, Protos: strings.Split(sl.proto, "/"), Formats: []string{sl.format},
	}}
	if sl.mid != "" {
		md.WithValueAttribute("mid", sl.mid)
	}
	return md
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IP4"
	}
	return "IP6"
}
