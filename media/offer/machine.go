package offer

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
)

// State says whose offer is open.
type State uint8

// A Machine answers an offer at once, so none of a peer is ever open.
const (
	Stable State = iota
	LocalOffer
)

// Machine is the offer/answer state of one leg. It belongs to the goroutine that owns the call.
//
//	Stable --Offer--> LocalOffer --Answered, Settle, Cancel--> Stable
//	   \--Offered--> Stable (the answer is made in the same step)
//
// A step is prepared beside the state and swapped in when it has succeeded.
type Machine struct {
	*state       // nil while the machine is packed
	rest   *rest // nil while it is not
}

// state is what a machine knows.
type state struct {
	cfg    Config
	local  Local
	peer   netip.Addr // where its signalling comes from
	fresh  bool       // codecs were re-ordered or the full list is wanted: the next offer shows all
	open   State
	agreed session  // as of the last complete offer/answer
	tried  *session // what our last offer proposes; nil when nothing more can come of it
	early  string   // the last preview, for Settle
	types  payloadTypes
	sent   sent
	shared []Codec // what the peer's last offer and we have in common
}

// session is one state of the negotiation.
type session struct {
	slots   []slot
	audio   int     // index of the audio slot
	formats []Codec // of the audio in our SDP: our payload types, telephone-event included
	bundle  bool
	mux     bool
	refused bool // the audio has port 0
	setup   Setup
	guard   guard
	cryptos []cryptoLine // of the audio in our SDP
	qos     qos
	ways    Direction // of the audio in our SDP
	stream  *Stream   // nobody writes to it; nil when nothing is agreed
	local   []byte
	remote  string
}

// slot is one m-line of the session. Lines are never removed and never change place (RFC 3264 section 8).
type slot struct {
	media, proto, format, mid string
}

// kept is a word of a peer's SDP in memory that the SDP is not kept for.
func kept(word string) string {
	for _, usual := range [...]string{"audio", "video", protoAVP, protoSAVP, protoDTLS, "UDP/TLS/RTP/SAVPF", "0", "8", "111", eventFmtp} {
		if word == usual {
			return usual
		}
	}
	return strings.Clone(word)
}

// sent is the SDP last given out, for the o= version and for byte-identical repeats.
type sent struct {
	version uint64
	text    []byte
}

// New returns a machine without local addresses.
func New(cfg Config) *Machine {
	return &Machine{state: &state{cfg: cfg.withDefaults()}}
}

// SetLocal gives the machine what media has allocated. It is called before the first SDP, and again only when the endpoint has moved: the
// next SDP then shows the new values.
func (m *Machine) SetLocal(l Local) {
	m.wake()
	m.local = l
}

// SetPeer says where the peer's signalling comes from; a zero address, or none given, is nowhere. It tells a peer behind NAT.
func (m *Machine) SetPeer(a netip.Addr) {
	m.wake()
	m.peer = a.Unmap()
}

// Prefer re-orders the codecs from the next SDP on; see [Config.Prefer].
func (m *Machine) Prefer(names ...string) {
	m.wake()
	m.cfg = m.cfg.Prefer(names...)
	m.fresh = true
}

// Open says whether an offer of ours waits for its answer.
func (m *Machine) Open() State {
	m.wake()
	return m.open
}

// Current returns the agreed stream, an empty one before the first agreement. Like every stream that a machine gives out it belongs to all who
// have it, and is not written to.
func (m *Machine) Current() *Stream {
	m.wake()
	return m.agreed.was()
}

// Texts returns the two SDP behind the agreed stream; empty before the first agreement. The bytes must not be changed.
func (m *Machine) Texts() (local []byte, remote string) {
	m.wake()
	return m.agreed.local, m.agreed.remote
}

// was is the stream, an empty one while there is none.
func (s *session) was() *Stream {
	if s.stream == nil {
		return new(Stream)
	}
	return s.stream
}

// Offer makes our offer: every codec at first, later those agreed, so that a refresh repeats the former SDP byte for byte.
// Errors: ErrOpen, ErrNoLocal.
func (m *Machine) Offer(dir Direction) ([]byte, error) {
	m.wake()
	if !m.fresh && len(m.agreed.formats) > 0 {
		return m.offer(dir, slices.Clone(m.agreed.formats))
	}
	return m.OfferAll(dir)
}

// OfferAll is Offer with every configured codec, as a re-INVITE without SDP wants it (RFC 3261 section 14.2).
func (m *Machine) OfferAll(dir Direction) ([]byte, error) {
	m.wake()
	all := append(make([]Codec, 0, len(m.cfg.Codecs)+2), m.cfg.Codecs...)
	all = m.cfg.events(all)
	for i := range all {
		all[i].PT = m.types.last(all[i])
	}
	return m.offer(dir, all)
}

// offer makes our offer of formats, which it takes over.
func (m *Machine) offer(dir Direction, formats []Codec) ([]byte, error) {
	switch {
	case !m.local.RTP.IsValid():
		return nil, ErrNoLocal
	case m.open != Stable:
		return nil, ErrOpen
	}
	next := m.agreed.reoffer()
	next.cryptos = m.local.withKeys(next.cryptos)
	if len(m.agreed.slots) == 0 {
		m.shape(&next)
	}
	types := m.types.copy(len(formats))
	for i, c := range formats {
		formats[i] = types.bind(c, c.PT)
	}
	next.formats, next.ways = formats, dir
	next.local = m.write(&next, dir, setupOffer)
	m.types, m.tried, m.open, m.early = types, &next, LocalOffer, ""
	return next.local, nil
}

// reoffer copies the shape of the session.
func (s *session) reoffer() session {
	return session{
		slots: slices.Clone(s.slots), audio: s.audio, bundle: s.bundle, mux: s.mux, setup: s.setup, guard: s.guard, cryptos: s.cryptos, qos: s.qos,
	}
}

// shape gives our first offer its m-line.
func (m *Machine) shape(next *session) {
	next.qos.on = m.cfg.Preconditions
	if m.cfg.Profile == WebRTC {
		next.slots = []slot{{media: "audio", proto: "UDP/TLS/RTP/SAVPF", mid: "0"}}
		next.guard, next.bundle, next.mux = byDTLS, true, true
		return
	}
	proto, g := m.cfg.SRTP.transport()
	next.slots = []slot{{media: "audio", proto: proto}}
	next.guard, next.mux = g, g == byDTLS
	if g == bySDES {
		next.cryptos = m.local.offerKeys()
	}
}

// Answered takes the peer's answer to our open offer. On an error the offer stays open.
// Errors: ErrNoOffer, *Error.
func (m *Machine) Answered(sdp []byte) (*Stream, error) {
	m.wake()
	return m.conclude(string(sdp))
}

func (m *Machine) conclude(sdp string) (*Stream, error) {
	next, err := m.settle(sdp)
	if err != nil {
		return nil, err
	}
	m.agreed, m.open, m.early, m.fresh = next, Stable, "", false
	return next.stream, nil
}

// Preview reads SDP in an unreliable 18x: the answer that the 2xx will bring (RFC 6337 section 3.1). The offer stays open.
func (m *Machine) Preview(sdp []byte) (*Stream, error) {
	m.wake()
	next, err := m.settle(string(sdp))
	if err != nil {
		return nil, err
	}
	m.early = next.remote
	return next.stream, nil
}

// Settle takes the last preview for the answer, for peers whose 2xx carries no SDP. Errors: ErrNoOffer when there was no preview.
func (m *Machine) Settle() (*Stream, error) {
	m.wake()
	if m.early == "" {
		return nil, ErrNoOffer
	}
	return m.conclude(m.early)
}

func (m *Machine) settle(sdp string) (session, error) {
	if m.open != LocalOffer {
		return session{}, ErrNoOffer
	}
	d, err := read(sdp)
	if err != nil {
		return session{}, err
	}
	next, err := m.answered(&d)
	if err != nil {
		return session{}, err
	}
	next.remote = sdp
	return next, nil
}

// Fork returns the machine of another dialog that our first offer has made (RFC 3261 section 13.2.2.4): its answer is still open, whatever
// the dialog of m has agreed since.
func (m *Machine) Fork() *Machine {
	m.wake()
	f := &Machine{state: &state{cfg: m.cfg, local: m.local, peer: m.peer, open: LocalOffer, tried: m.tried, types: m.types, sent: sent{version: 1}}}
	if m.tried == nil { // too late: its answer will be refused
		f.tried = new(session)
	}
	f.sent.text = f.tried.local
	return f
}

// Reanswered takes a second answer to our first offer: a 2xx that differs from the reliable 18x before it. Errors: ErrNoOffer when
// something else has been agreed since, *Error.
func (m *Machine) Reanswered(sdp []byte) (*Stream, error) {
	m.wake()
	if m.open != Stable || m.tried == nil || !bytes.Equal(m.agreed.local, m.tried.local) {
		return nil, ErrNoOffer
	}
	m.open = LocalOffer
	st, err := m.conclude(string(sdp))
	m.open = Stable
	return st, err
}

// Offered takes the peer's offer and makes our answer; like is the direction we would like to have.
// Errors: ErrGlare, ErrNoLocal, *Error.
func (m *Machine) Offered(sdp []byte, like Direction) ([]byte, *Stream, error) {
	m.wake()
	return m.offered(string(sdp), like)
}

func (m *Machine) offered(sdp string, like Direction) ([]byte, *Stream, error) {
	switch {
	case !m.local.RTP.IsValid():
		return nil, nil, ErrNoLocal
	case m.open == LocalOffer:
		return nil, nil, ErrGlare
	}
	d, err := read(sdp)
	if err != nil {
		return nil, nil, err
	}
	next, types, err := m.answer(&d, like)
	if err != nil {
		return nil, nil, err
	}
	next.remote = sdp
	next.local = m.write(&next, next.ways, next.setup.attribute())
	m.types, m.agreed, m.fresh = types, next, false
	m.shared = m.shares(d.sections[next.audio].codecs)
	return next.local, next.stream, nil
}

// Renewed is Offered for an offer that Restarts: the answer shows fresh credentials of ours, and so does all SDP after it (RFC 8839 section
// 4.4.3.1.1). On an error those of before hold.
func (m *Machine) Renewed(sdp []byte, like Direction, fresh ICE) ([]byte, *Stream, error) {
	m.wake()
	was := m.local
	m.local.Ufrag, m.local.Pwd = fresh.Ufrag, fresh.Pwd
	answer, st, err := m.Offered(sdp, like)
	if err != nil {
		m.local = was
	}
	return answer, st, err
}

// Cancel drops our open offer (it was refused, or its INVITE failed): what was agreed before holds.
func (m *Machine) Cancel() {
	m.wake()
	m.open, m.tried, m.early = Stable, nil, ""
}

// Forget drops what only another answer to our last offer could ask for, and packs the rest. It is for a call that goes on for long.
func (m *Machine) Forget() {
	m.wake()
	if m.open == Stable {
		m.tried, m.early, m.shared = nil, "", nil
		m.pack()
	}
}
