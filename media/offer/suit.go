package offer

import "slices"

// What the two sides of a call have in common passes from one to the other as it is, and costs a tenth of what transcoding does. Each side
// has a machine of its own; what follows is all that one of them learns about the other.

// Shared returns those of our codecs that the peer's last offer had, in our order: what the leg could speak. nil before an offer, or after
// Forget.
func (m *Machine) Shared() []Codec {
	m.wake()
	return m.shared
}

// shares finds the codecs that an offer has of ours.
func (m *Machine) shares(offered []Codec) []Codec {
	var out []Codec
	for _, c := range m.cfg.Codecs {
		if slices.ContainsFunc(offered, c.Same) {
			out = append(out, c)
		}
	}
	return out
}

// Suit fits our next SDP to what the other side of the call speaks: codecs of both sides come first, in our order, and Opus is asked for no
// more bandwidth than the other side can hear. It does nothing without far.
func (m *Machine) Suit(far ...Codec) {
	m.wake()
	if len(far) == 0 {
		return
	}
	var names []string
	for _, c := range m.cfg.Codecs {
		if slices.ContainsFunc(far, c.Same) {
			names = append(names, c.Name)
		}
	}
	m.Prefer(names...)
	if m.cfg.Profile != WebRTC {
		return
	}
	for i, c := range m.cfg.Codecs {
		if c.is("opus") {
			m.cfg.Codecs[i].Fmtp = opusFmtp(bandwidth(far))
		}
	}
}

// Revise makes our answer to the peer's first offer anew, fitted to far. It is for an answer that nobody has seen: the caller's is made
// when the call comes in, and is sent when the callee has chosen a codec. When nothing has been agreed, or the offer cannot be answered so,
// what was agreed holds.
func (m *Machine) Revise(far ...Codec) (answer []byte, s Stream, err error) {
	m.wake()
	if m.agreed.remote == nil || m.open != Stable {
		return nil, Stream{}, ErrNoOffer
	}
	next := &Machine{state: &state{cfg: m.cfg, local: m.local, peer: m.peer}}
	next.Suit(far...)
	if next.choosesSame(m) { // as for most calls: there is nothing to make anew
		m.cfg = next.cfg
		return m.agreed.local, m.agreed.stream, nil
	}
	answer, s, err = next.Offered(m.agreed.remote, directionOf(m.agreed.stream.MaySend, m.agreed.stream.MayRecv))
	if err != nil {
		return nil, Stream{}, err
	}
	*m = *next
	return answer, s, nil
}

// choosesSame reports whether the machine would answer the offer as was has answered it: with the same codec. What is asked of Opus depends
// on more than that.
func (m *Machine) choosesSame(was *Machine) bool {
	i := slices.IndexFunc(m.cfg.Codecs, func(c Codec) bool { return slices.ContainsFunc(was.shared, c.Same) })
	return m.cfg.Profile == RTP && i >= 0 && m.cfg.Codecs[i].Same(was.agreed.stream.Recv)
}

// bandwidth is the sample rate, in Hz, up to which the best of the codecs hears.
func bandwidth(codecs []Codec) int {
	rate := 8000
	for _, c := range codecs {
		switch {
		case c.is("opus"):
			return 48000
		case c.is("G722"):
			rate = 16000
		}
	}
	return rate
}
