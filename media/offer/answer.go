package offer

import (
	"net/netip"
	"slices"
	"strings"
)

// Restarts reports whether an offer asks for an ICE restart: other credentials than those agreed (RFC 8839 section 4.4.1.1.1).
// It is answered by Renewed.
func (m *Machine) Restarts(sdp []byte) bool {
	m.wake()
	was := m.agreed.was().ICE
	if was.Ufrag == "" {
		return false
	}
	d, err := read(string(sdp))
	if err != nil || m.agreed.audio >= len(d.sections) {
		return false
	}
	s := &d.sections[m.agreed.audio]
	return s.live() && s.ufrag != "" && (s.ufrag != was.Ufrag || s.pwd != was.Pwd)
}

// answer prepares the state after a peer's offer.
func (m *Machine) answer(d *description, like Direction) (next session, types payloadTypes, err error) {
	next = session{slots: make([]slot, len(d.sections))}
	for i := range d.sections {
		s := &d.sections[i]
		next.slots[i] = slot{media: kept(s.media), proto: kept(s.proto), format: kept(s.format), mid: kept(s.mid)}
	}
	i, err := m.pickAudio(d)
	if err != nil {
		return next, nil, err
	}
	s := &d.sections[i]
	next.audio, next.bundle, next.qos = i, s.bundled, s.qos
	if !s.live() {
		return m.disabled(next), m.types, nil
	}
	st, err := m.judge(s)
	if err != nil {
		return next, nil, err
	}
	if types, err = m.chooseFormats(&next, st, s.codecs); err != nil {
		return next, nil, err
	}
	if err := m.answerGuard(&next, st, s); err != nil {
		return next, nil, err
	}
	next.ways = m.peerDirection(s).Answer(like)
	st.MaySend, st.MayRecv = next.ways.Sends(), next.ways.Recvs()
	next.stream, next.mux = st, st.Mux
	return next, types, nil
}

// pickAudio finds the m-line to serve: the one in use, if it is still audio of our profile, else the first that fits, and of several the
// first that is encrypted.
func (m *Machine) pickAudio(d *description) (int, error) {
	n := m.agreed.audio
	known := len(m.agreed.slots) > 0 && n < len(d.sections) && m.speaks(&d.sections[n])
	if known && d.sections[n].live() {
		return n, nil
	}
	clear := -1
	for i := range d.sections {
		s := &d.sections[i]
		switch {
		case !m.speaks(s) || !s.live():
		case m.guardOf(s) != unguarded:
			return i, nil
		case clear < 0:
			clear = i
		}
	}
	switch {
	case clear >= 0:
		return clear, nil
	case known:
		return n, nil // the stream we had is switched off
	}
	return 0, refused("no audio that can be served")
}

// guardOf is how a section that we speak is protected.
func (m *Machine) guardOf(s *section) guard {
	if m.cfg.Profile == WebRTC {
		return byDTLS
	}
	g, _ := m.cfg.SRTP.guards(s)
	return g
}

// speaks reports whether s is audio in a transport of our profile. A legacy RTP/SAVPF is WebRTC too (RFC 8829 section 5.1.2).
func (m *Machine) speaks(s *section) bool {
	if s.media != "audio" {
		return false
	}
	if m.cfg.Profile == RTP {
		_, ok := m.cfg.SRTP.guards(s)
		return ok || !s.live() && s.proto == m.agreed.proto()
	}
	return slices.Contains([]string{"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF"}, s.proto)
}

// disabled answers audio whose port is 0: the stream is off, the formats stay for the day it comes back.
func (m *Machine) disabled(next session) session {
	next.refused, next.ways = true, Inactive
	next.formats = m.agreed.formats
	next.setup, next.mux, next.guard, next.cryptos = m.agreed.setup, m.agreed.mux, m.agreed.guard, m.agreed.cryptos
	next.stream = m.noStream()
	return next
}

// noStream is that of audio with port 0.
func (m *Machine) noStream() *Stream {
	return &Stream{Local: m.local, Refused: true, PtimeMS: defaultPtime, ICE: m.agreed.was().ICE}
}

// chooseFormats takes the codec in use, if the offer has it still, else the first of ours that it has, at the offer's payload type, and the
// telephone-event beside it.
func (m *Machine) chooseFormats(next *session, st *Stream, offered []Codec) (payloadTypes, error) {
	types := m.types.copy(2)
	for _, ours := range m.cfg.Prefer(m.agreed.was().Recv.Name).Codecs {
		i := slices.IndexFunc(offered, ours.Same)
		if i < 0 {
			continue
		}
		st.Send = offered[i].kept()
		st.Recv = types.bind(ours, offered[i].PT)
		next.formats = append(make([]Codec, 0, 3), st.Recv)
		if ev, ok := pickEvent(offered, st.Send); ok && !m.cfg.NoEvents {
			st.SendEvent = ev.kept()
			st.RecvEvent = types.bind(event(m.cfg.Profile, ev.Clock), ev.PT)
			next.formats = append(next.formats, st.RecvEvent)
		}
		if cn := staticCodecs[13]; m.comforts(st.Send) && slices.ContainsFunc(offered, cn.Same) {
			st.Comfort = true
			next.formats = append(next.formats, cn)
		}
		st.FMTP = st.Send.Fmtp
		return types, nil
	}
	return nil, refused("no common codec")
}

// comforts reports whether comfort noise is taken beside a codec. It is never asked for: many a peer that hears of it begins to cut speech
// that is low. A browser makes its own.
func (m *Machine) comforts(c Codec) bool { return m.cfg.Profile == RTP && c.Clock == 8000 }

// answered prepares the state after the peer's answer to our open offer.
func (m *Machine) answered(d *description) (session, error) {
	next := *m.tried
	if next.audio >= len(d.sections) || d.sections[next.audio].media != "audio" {
		return next, refused("the answer lacks the audio line")
	}
	s := &d.sections[next.audio]
	if s.portNumber == 0 {
		next.refused = true
		next.stream = m.noStream()
		return next, nil
	}
	if !m.speaks(s) {
		return next, refused("the answer changes the transport")
	}
	st, err := m.judge(s)
	if err != nil {
		return next, err
	}
	if m.cfg.Profile == WebRTC {
		s.codecs = inOrderOf(next.formats, s.codecs)
	}
	if err := answeredFormats(st, s.codecs, next.formats); err != nil {
		return next, err
	}
	if err := m.answeredGuard(&next, st, s); err != nil {
		return next, err
	}
	theirs := m.peerDirection(s)
	st.MaySend = next.ways.Sends() && theirs.Recvs()
	st.MayRecv = next.ways.Recvs() && theirs.Sends()
	next.stream, next.qos = st, s.qos
	return next, nil
}

// inOrderOf puts the formats of a browser's answer into the order of our offer: whatever order a page gives the answer, the browser sends what
// the offer had first of those that are left.
func inOrderOf(ours, answer []Codec) []Codec {
	place := func(c Codec) int {
		if i := slices.IndexFunc(ours, c.Same); i >= 0 {
			return i
		}
		return len(ours)
	}
	return slices.SortedStableFunc(slices.Values(answer), func(a, b Codec) int { return place(a) - place(b) })
}

// answeredFormats finds the first format of the answer that we have offered, and those that the peer may change to. A dynamic type without
// rtpmap means what it meant in the offer. What comes in uses our own types, what goes out uses the peer's.
func answeredFormats(st *Stream, answer, ours []Codec) error {
	for i := range answer {
		a := &answer[i]
		if a.Name != "" {
			continue
		}
		if k := slices.IndexFunc(ours, func(c Codec) bool { return c.PT == a.PT }); k >= 0 {
			a.Name, a.Clock, a.Channels = ours[k].Name, ours[k].Clock, ours[k].Channels
		}
	}
	for _, a := range answer {
		i := slices.IndexFunc(ours, a.Same)
		if i < 0 || a.is(eventName) || a.is(comfortName) {
			continue
		}
		if st.Send.Name != "" {
			st.Also.Add(ours[i])
			continue
		}
		st.Send, st.Recv = a.kept(), ours[i]
		st.FMTP = st.Send.Fmtp
		if ev, ok := pickEvent(answer, a); ok {
			if k := slices.IndexFunc(ours, ev.Same); k >= 0 {
				st.SendEvent, st.RecvEvent = ev.kept(), ours[k]
			}
		}
		st.Comfort = slices.ContainsFunc(answer, staticCodecs[13].Same) && slices.ContainsFunc(ours, staticCodecs[13].Same)
	}
	if st.Send.Name == "" {
		return refused("the answer has no offered codec")
	}
	return nil
}

// live reports whether an offered section is switched on: port 0 means off, but for a bundle-only one (RFC 9143 section 6).
func (s *section) live() bool { return s.portNumber != 0 || s.bundled }

// judge takes from a live audio section what does not depend on who offered: addresses, ICE, DTLS, packet time.
func (m *Machine) judge(s *section) (*Stream, error) {
	st := &Stream{Local: m.local, XR: m.cfg.Profile == RTP && m.cfg.XR.sends(s.xr), PtimeMS: s.packetTime(m.cfg.PtimeMS), PtimeAsked: s.ptime > 0, MaxPtimeMS: uint16(s.maxPT)}
	if m.cfg.Profile == RTP {
		return st, m.judgeAddress(st, s)
	}
	switch {
	case s.fingerprint == "":
		return st, refused("no fingerprint with an accepted hash")
	case !isICEText(s.ufrag, 4) || !isICEText(s.pwd, 22):
		return st, refused("no ICE credentials")
	}
	st.ICE = ICE{Ufrag: strings.Clone(s.ufrag), Pwd: strings.Clone(s.pwd)} // they outlive the text
	st.Remote = m.hint(s)
	return st, nil
}

// judgeAddress takes a trunk's address, or its old hold c=0.0.0.0, under which the former address stays known but unused.
func (m *Machine) judgeAddress(st *Stream, s *section) error {
	if s.addr.IsValid() && s.addr.IsUnspecified() {
		was := m.agreed.was()
		st.Remote, st.RemoteRTCP, st.NAT = was.Remote, was.RemoteRTCP, was.NAT
		return nil
	}
	st.Remote = netip.AddrPortFrom(s.addr, s.portNumber)
	if err := checkTarget(st.Remote, m.local, m.cfg.AllowLoopback); err != nil {
		st.Remote = netip.AddrPort{}
		return err
	}
	if behindNAT(s.addr, m.peer) {
		st.NAT = m.peer
	}
	if st.RemoteRTCP = s.rtcp; !s.rtcp.IsValid() && s.portNumber < 65535 {
		st.RemoteRTCP = netip.AddrPortFrom(s.addr, s.portNumber+1)
	}
	hidden := st.RemoteRTCP.Addr() != s.addr && behindNAT(st.RemoteRTCP.Addr(), m.peer) // a host of ours that has nothing to do with it
	if hidden || checkTarget(st.RemoteRTCP, m.local, m.cfg.AllowLoopback) != nil {
		st.RemoteRTCP = netip.AddrPort{} // a call without RTCP is better than no call
	}
	return nil
}

// hint is where a browser's media will probably be; nothing is sent there before a verified check.
func (m *Machine) hint(s *section) netip.AddrPort {
	ap := s.candidate
	if !ap.IsValid() {
		ap = netip.AddrPortFrom(s.addr, s.portNumber)
	}
	if checkTarget(ap, m.local, m.cfg.AllowLoopback) != nil {
		return netip.AddrPort{}
	}
	return ap
}

// peerDirection is the peer's direction with the old hold taken into account. In WebRTC c=0.0.0.0 only means "see the candidates".
func (m *Machine) peerDirection(s *section) Direction {
	if m.cfg.Profile == RTP && s.addr.IsValid() && s.addr.IsUnspecified() {
		return s.direction.withoutRecv()
	}
	return s.direction
}

// packetTime is what the peer wants to get, in whole tens of milliseconds between 10 and 60; ours when it says nothing.
func (s *section) packetTime(ours int) int {
	t := s.ptime
	if t == 0 {
		t = ours
	}
	if s.maxPT > 0 && s.maxPT < t {
		t = s.maxPT
	}
	return min(max(t/10*10, minPtime), maxPtime)
}

// answerGuard settles the encryption of a peer's offer.
func (m *Machine) answerGuard(next *session, st *Stream, s *section) (err error) {
	switch next.guard = m.guardOf(s); next.guard {
	case bySDES:
		next.cryptos = make([]cryptoLine, 1)
		next.cryptos[0], st.SDES, err = m.takeKeys(s.cryptos)
	case byDTLS:
		st.guarded(s)
		st.Setup, err = m.answerRole(s.setup)
	case unguarded: // nothing to settle
	}
	next.setup = st.Setup
	return err
}

// answeredGuard settles the encryption of our offer by the peer's answer.
func (m *Machine) answeredGuard(next *session, st *Stream, s *section) (err error) {
	g := m.guardOf(s)
	if g != next.guard && (g != unguarded || s.cryptoLines > 0 || m.cfg.SRTP != SRTPOptional) {
		return refused("the answer has another encryption than was offered")
	}
	switch g {
	case bySDES:
		st.SDES, err = m.answeredKeys(next.cryptos, s.cryptos)
	case byDTLS:
		st.guarded(s)
		st.Setup, err = m.answeredRole(s.setup)
	case unguarded: // nothing to settle
	}
	next.setup = st.Setup
	return err
}

// guarded takes what DTLS needs. Without mux a trunk's RTCP would need a handshake of its own: there is none.
func (st *Stream) guarded(s *section) {
	st.Fingerprint, st.Mux = s.fingerprint, s.mux
	st.RemoteRTCP = netip.AddrPort{}
}

// proto is the transport of the audio line; "" before there is one.
func (s *session) proto() string {
	if s.audio >= len(s.slots) {
		return ""
	}
	return s.slots[s.audio].proto
}

// setupOffer is the role in every offer of ours (RFC 8842 section 5.2).
const setupOffer = "actpass"

// attribute is the role as our answer writes it.
func (s Setup) attribute() string {
	if s == SetupActive {
		return "active"
	}
	return "passive"
}

// answerRole chooses our DTLS role for an answer. The gateway is the server unless the peer insists; an agreed role is kept, because
// a new one would mean a new handshake (RFC 8842 section 5.5).
func (m *Machine) answerRole(setup string) (Setup, error) {
	switch setup {
	case "actpass", "":
		if m.agreed.setup != SetupNone {
			return m.agreed.setup, nil
		}
		return SetupPassive, nil
	case "active":
		return SetupPassive, nil
	case "passive":
		return SetupActive, nil
	}
	return SetupNone, refused("unusable DTLS setup")
}

// answeredRole reads our role from the peer's answer. Answers that do not choose leave us the server.
func (m *Machine) answeredRole(setup string) (Setup, error) {
	if setup == "passive" {
		return SetupActive, nil
	}
	if setup == "holdconn" {
		return SetupNone, refused("unusable DTLS setup")
	}
	return SetupPassive, nil
}
