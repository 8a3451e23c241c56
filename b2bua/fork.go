package b2bua

import (
	"fmt"
	"strconv"
	"strings"

	"drawbridge/media/offer"
	"drawbridge/sip/dialog"
	"drawbridge/sip/wire"
)

// fork is what one To tag of our INVITE has become: a dialog of its own, with its own answer to our offer, whose CSeq goes on from the
// first PRACK to the BYE.
type fork struct {
	tag   string // To
	dlg   *dialog.Dialog
	sdp   *offer.Machine
	rseq  uint32        // the last reliable 18x that was acknowledged (RFC 3262 section 4)
	ack   []byte        // to the 2xx of a fork that has lost
	early *offer.Stream // what it has said of its media
	gate  gate
	heard bool // its early media has been passed on

	answered  bool // it has answered our offer in a reliable 18x
	confirmed bool // it has been told that our side is ready (RFC 3312)
}

// maxForks is how many dialogs of one INVITE are remembered. Chosen here: more devices than anybody has.
const maxForks = 32

// fork is the dialog that a response belongs to, formed by the first one with its To tag. A peer that makes up tag after tag may
// answer the call with a late one, but is sent nothing for all those that are not remembered.
func (l *sipLeg) fork(m *wire.Message) (*fork, error) {
	if f := l.forkOf(m.ToTag()); f != nil {
		if m.Status >= 200 {
			f.dlg.Confirm(m)
		} else {
			f.dlg.Refresh(m)
		}
		return f, nil
	}
	d, err := dialog.NewUAC(l.uac.invite, m)
	if err != nil {
		return nil, err
	}
	f := &fork{tag: m.ToTag(), dlg: d, sdp: l.sdp}
	if len(l.uac.forks) > 0 {
		f.sdp = l.sdp.Fork()
	}
	if len(l.uac.forks) < maxForks {
		l.uac.forks = append(l.uac.forks, f)
	}
	return f, nil
}

// forkOf finds the fork of a To tag, nil when there is none.
func (l *sipLeg) forkOf(tag string) *fork {
	if l.uac == nil {
		return nil
	}
	for _, f := range l.uac.forks {
		if f.tag == tag {
			return f
		}
	}
	return nil
}

// remembers reports whether the fork that m has formed has been kept.
func (l *sipLeg) remembers(f *fork, m *wire.Message) bool { return l.forkOf(m.ToTag()) == f }

// follow makes a fork the one that the leg speaks with.
func (l *sipLeg) follow(f *fork) { l.dlg, l.sdp = f.dlg, f.sdp }

// early finds the fork that an early request of the callee comes from; nil behind the answer, when one dialog is left.
func (l *sipLeg) early(m *wire.Message) *fork {
	if l.state != Early || m.FromTag() == "" {
		return nil
	}
	return l.forkOf(m.FromTag())
}

// acknowledged are the To tags of the 2xx to our INVITE that have had their ACK; copies, because nothing else of the message is kept.
func (l *sipLeg) acknowledged() []string {
	if l.uac == nil || l.uac.ackTag == "" {
		return nil
	}
	tags := []string{strings.Clone(l.uac.ackTag)}
	for _, f := range l.uac.forks {
		if f.ack != nil && f.tag != tags[0] {
			tags = append(tags, strings.Clone(f.tag))
		}
	}
	return tags
}

// prack acknowledges a reliable 18x (RFC 3262 section 4): each one once and in order, others mean nothing. A peer that sends it
// unasked is served too.
func (l *sipLeg) prack(f *fork, m *wire.Message) bool {
	seq, err := strconv.ParseUint(m.Get("RSeq"), 10, 32)
	if err != nil || seq == 0 || f.rseq != 0 && uint32(seq) != f.rseq+1 {
		return false
	}
	f.rseq = uint32(seq)
	p := f.dlg.Request(wire.PRACK)
	p.Add("RAck", fmt.Sprintf("%d %d %s", seq, m.CSeq.Seq, m.CSeq.Method))
	l.send(p)
	return true
}

// hear takes what a 18x or UPDATE of the fork says of its media before the answer: SDP in a reliable 18x is the answer, in an
// unreliable one a preview of it (RFC 6337 section 3.1); a trunk's P-Early-Media opens and shuts it (RFC 5009). nil: it says nothing.
func (f *fork) hear(m *wire.Message, reliable, trunk bool) *offer.Stream {
	spoke := false
	if hasSDP(m) {
		if st, err := f.read(m.Body, reliable); err == nil {
			f.early, spoke = st, true
		}
	}
	if v := m.Get("P-Early-Media"); v != "" && trunk {
		f.gate, spoke = f.gate.turned(v), true
	}
	if !spoke {
		return nil
	}
	return f.sounding()
}

// read takes an SDP for the answer, or for a preview.
func (f *fork) read(sdp []byte, reliable bool) (*offer.Stream, error) {
	if !reliable {
		return f.sdp.Preview(sdp)
	}
	if f.answered {
		return nil, offer.ErrNoOffer
	}
	st, err := f.sdp.Answered(sdp)
	f.answered = err == nil
	return st, err
}

// sounding is the fork's early media as the gate lets it through; nil while there was none that the caller could have heard.
func (f *fork) sounding() *offer.Stream {
	if f.early == nil || f.gate.noRecv && !f.heard {
		return nil
	}
	f.heard = true
	st := *f.early
	st.MaySend, st.MayRecv = st.MaySend && !f.gate.noSend, st.MayRecv && !f.gate.noRecv
	return &st
}

// gate is what P-Early-Media forbids. The zero value forbids nothing: most trunks have never heard of it.
type gate struct{ noSend, noRecv bool }

// turned reads P-Early-Media, written from the callee's side. Parameters without a direction leave the gate as it is.
func (g gate) turned(value string) gate {
	for p := range strings.SplitSeq(value, ",") {
		switch strings.ToLower(strings.TrimSpace(p)) {
		case "sendrecv":
			g = gate{}
		case "sendonly":
			g = gate{noSend: true}
		case "recvonly":
			g = gate{noRecv: true}
		case "inactive":
			g = gate{noSend: true, noRecv: true}
		}
	}
	return g
}
