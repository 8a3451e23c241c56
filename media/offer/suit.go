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
	out := make([]Codec, 0, len(m.cfg.Codecs))
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
	if len(far) > 0 {
		m.cfg, m.fresh = m.cfg.suited(far), true
	}
}

// suited is the configuration that Suit makes.
func (c Config) suited(far []Codec) Config {
	c = c.sorted(func(k *Codec) int {
		if slices.ContainsFunc(far, k.Same) {
			return 0
		}
		return 1
	})
	if fmtp := opusFmtp(bandwidth(far)); c.Profile == WebRTC {
		i := slices.IndexFunc(c.Codecs, func(k Codec) bool { return k.is("opus") && k.Fmtp != fmtp })
		if i >= 0 {
			c.Codecs = slices.Clone(c.Codecs)
			c.Codecs[i].Fmtp = fmtp
		}
	}
	return c
}

// Revise makes our answer to the peer's first offer anew, fitted to far. It is for an answer that nobody has seen: the caller's is made
// when the call comes in, and is sent when the callee has chosen a codec. When nothing has been agreed, or the offer cannot be answered so,
// what was agreed holds.
func (m *Machine) Revise(far ...Codec) (answer []byte, s *Stream, err error) {
	m.wake()
	if m.agreed.remote == "" || m.open != Stable {
		return nil, nil, ErrNoOffer
	}
	cfg := m.cfg
	if len(far) > 0 {
		cfg = cfg.suited(far)
	}
	if m.choosesSame(cfg.Codecs) { // as for most calls: there is nothing to make anew
		m.cfg = cfg
		return m.agreed.local, m.agreed.stream, nil
	}
	next := &Machine{state: &state{cfg: cfg, local: m.local, peer: m.peer}}
	answer, s, err = next.offered(m.agreed.remote, directionOf(m.agreed.stream.MaySend, m.agreed.stream.MayRecv))
	if err != nil {
		return nil, nil, err
	}
	*m = *next
	return answer, s, nil
}

// choosesSame reports whether codecs in this order would answer the offer as it was answered: with the same codec. What is asked of Opus depends
// on more than that.
func (m *Machine) choosesSame(codecs []Codec) bool {
	i := slices.IndexFunc(codecs, func(c Codec) bool { return slices.ContainsFunc(m.shared, c.Same) })
	return m.cfg.Profile == RTP && i >= 0 && codecs[i].Same(m.agreed.stream.Recv)
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
