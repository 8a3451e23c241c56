package b2bua

import (
	"fmt"
	"net/netip"
	"strings"

	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// peer is a scripted SIP user agent with one call at a time. It keeps just enough of a dialog to speak inside it.
type peer struct {
	w     *world
	name  string
	flow  *memFlow
	inbox []*wire.Message
	deaf  bool                     // datagrams to it are lost
	gone  bool                     // nobody listens at its port: its host says so
	alive int                      // status that it answers our OPTIONS with by itself; 0: the script does
	raw   map[*wire.Message][]byte // as they came

	serial  int
	invite  *wire.Message   // its own INVITE, or the one it received
	caller  bool            // it sent that INVITE
	pending []*wire.Message // requests it has not answered
	callID  string
	local   wire.Addr
	remote  wire.Addr
	target  wire.URI
	seq     uint32
	invSeq  uint32 // of its last INVITE, for the ACK
	sent    []byte // the last request, for retransmission
	answers []byte // the last response, for retransmission
	lastCS  wire.CSeq
	rack    string // of the last reliable 18x
	branch  string
	bodies  []string        // SDP received, in order
	seen    map[string]bool // branches of requests received
	station *station        // over UDP
	skipped bool            // the script's last message of its own had no reason
}

func (w *world) addPeer(name, realm, at, transport string) {
	p := &peer{w: w, name: name, seen: map[string]bool{}, raw: map[*wire.Message][]byte{}}
	p.flow = &memFlow{w: w, p: p, realm: realm, remote: netip.MustParseAddrPort(at), transport: transport}
	if p.flow.Reliable() {
		p.flow.id = uint64(name[0])
	} else {
		p.station = newStation(p)
	}
	w.peers[name] = p
}

// connect gives the peer a connection, in place of what it had.
func (p *peer) connect() {
	f := *p.flow
	f.ended = false
	f.transport, f.id = "TCP", f.id+1000
	p.flow = &f
}

func (p *peer) contact() wire.URI {
	return wire.URI{Scheme: "sip", User: "peer", Host: p.flow.remote.Addr().String(), Port: int(p.flow.remote.Port())}
}

// registered is the peer as a contact of an account.
func (p *peer) registered(user string) Target {
	u := p.contact()
	u.User = user
	return Target{Flow: p.flow, Contact: wire.Addr{URI: u}}
}

// send hands bytes to the gateway as if they had come from this peer.
func (p *peer) send(m *wire.Message) {
	p.sendFrom(p.flow, m)
}

func (p *peer) sendFrom(f txn.Flow, m *wire.Message) {
	b := m.Bytes()
	if m.IsRequest() {
		p.sent = b
	} else {
		p.answers = b
	}
	if p.station != nil && p.w.bad != nil {
		p.station.say(f, m, b)
		return
	}
	p.emit(f, b)
}

// emit puts bytes on the wire, once.
func (p *peer) emit(f txn.Flow, b []byte) {
	if p.station != nil && p.w.bad != nil {
		p.station.emit(f, b)
		return
	}
	p.w.core.Receive(f, b)
}

func (p *peer) newVia() wire.Via {
	p.serial++
	p.branch = fmt.Sprintf("z9hG4bK%s%d", p.name, p.serial)
	return wire.Via{
		Transport: p.flow.transport, Host: p.flow.remote.Addr().String(), Port: int(p.flow.remote.Port()),
		Params: wire.Params{{Name: "branch", Value: p.branch}, {Name: "rport"}},
	}
}

// call makes a first INVITE.
func (p *peer) call(to string) *wire.Message {
	p.serial++
	p.caller, p.seq = true, 1
	p.callID = fmt.Sprintf("call-%s-%d", p.name, p.serial)
	user := map[string]string{"A": "alice", "C": "bob", "D": "bob"}[p.name]
	if user == "" {
		user = "4711"
	}
	p.local = wire.Addr{URI: wire.URI{Scheme: "sip", User: user, Host: "example.com"}}
	p.local.Params.Set("tag", fmt.Sprintf("tag%s%d", p.name, p.serial))
	p.target = wire.URI{Scheme: "sip", User: to, Host: "example.com"}
	p.remote = wire.Addr{URI: p.target}
	m := p.request(wire.INVITE, p.seq)
	m.Contact = []wire.Addr{{URI: p.contact()}}
	p.invite = m
	return m
}

// ask makes a first request of another method than INVITE: one outside any dialog, or the one that forms a subscription's.
func (p *peer) ask(method wire.Method, to string) *wire.Message {
	m := p.call(to)
	m.Method, m.CSeq.Method = method, method
	return m
}

func (p *peer) request(method wire.Method, seq uint32) *wire.Message {
	m := wire.NewRequest(method, p.target)
	m.Via = []wire.Via{p.newVia()}
	m.From, m.To, m.CallID = p.local, p.remote, p.callID
	m.CSeq = wire.CSeq{Seq: seq, Method: method}
	p.lastCS = m.CSeq
	if method == wire.INVITE {
		p.invSeq = seq
	}
	return m
}

// within makes a request inside the dialog.
func (p *peer) within(method wire.Method) *wire.Message {
	p.seq++
	m := p.request(method, p.seq)
	if method == wire.INVITE || method == wire.UPDATE || method == wire.SUBSCRIBE || method == wire.NOTIFY {
		m.Contact = []wire.Addr{{URI: p.contact()}}
	}
	return m
}

// cancel makes the CANCEL of the peer's INVITE.
func (p *peer) cancel() *wire.Message {
	m := wire.NewRequest(wire.CANCEL, p.invite.URI)
	m.Via, m.From, m.To, m.CallID = p.invite.Via, p.invite.From, p.invite.To, p.invite.CallID
	m.CSeq = wire.CSeq{Seq: p.invite.CSeq.Seq, Method: wire.CANCEL}
	return m
}

// acknowledge sends the ACK to a failed INVITE: it belongs to that transaction (RFC 3261 section 17.1.1.3).
func (p *peer) acknowledge(m *wire.Message) { p.emit(p.flow, p.ackTo(m).Bytes()) }

func (p *peer) ackTo(m *wire.Message) *wire.Message {
	ack := wire.NewRequest(wire.ACK, p.target)
	ack.Via, ack.From, ack.To, ack.CallID = m.Via, m.From, m.To, m.CallID
	ack.CSeq = wire.CSeq{Seq: m.CSeq.Seq, Method: wire.ACK}
	return ack
}

// heard keeps the dialog up to date with what the gateway has sent.
func (p *peer) heard(m *wire.Message) {
	if hasSDP(m) {
		p.bodies = append(p.bodies, string(m.Body))
	}
	if m.IsRequest() {
		if m.Method != wire.ACK {
			p.pending = append(p.pending, m)
		}
		if (m.Method == wire.INVITE || m.Method == wire.SUBSCRIBE) && m.ToTag() == "" {
			p.serial++
			p.invite, p.caller, p.callID, p.seq = m, false, m.CallID, 100
			p.remote, p.local = m.From, m.To
			p.local.Params = append(wire.Params(nil), m.To.Params...)
			p.local.Params.Set("tag", fmt.Sprintf("tag%s%d", p.name, p.serial))
		}
		if len(m.Contact) > 0 {
			p.target = m.Contact[0].URI
		}
		return
	}
	if m.Has("RSeq") {
		p.rack = fmt.Sprintf("%s %d %s", m.Get("RSeq"), m.CSeq.Seq, m.CSeq.Method)
	}
	if (m.CSeq.Method == wire.INVITE || m.CSeq.Method == wire.SUBSCRIBE) && m.ToTag() != "" && p.caller {
		p.remote = m.To
		if len(m.Contact) > 0 {
			p.target = m.Contact[0].URI
		}
	}
}

// response answers the oldest request of a method that has no final answer; "" is the newest request.
func (p *peer) response(status int, method, tag string) *wire.Message {
	i := len(p.pending) - 1
	if method != "" {
		for i = range p.pending {
			if string(p.pending[i].Method) == method {
				break
			}
		}
	}
	if i < 0 {
		p.w.t.Fatalf("%s has no request to answer %d", p.name, status)
	}
	req := p.pending[i]
	if tag == "" {
		tag = p.local.Tag()
	}
	m := wire.NewResponse(req, status, "", tag)
	if (req.Method == wire.INVITE || req.Method == wire.SUBSCRIBE) && status < 300 {
		m.Contact = []wire.Addr{{URI: p.contact()}}
	}
	if status >= 200 {
		p.pending = append(p.pending[:i:i], p.pending[i+1:]...)
	}
	return m
}

// sdp is a session description of the peer's kind.
func (p *peer) sdp(dir string, answer bool) []byte {
	if dir == "" {
		dir = "sendrecv"
	}
	text := trunkSDP
	if p.flow.realm == "access" {
		text = browserSDP
	}
	setup := "actpass"
	if answer {
		setup = "active"
	}
	return []byte(strings.NewReplacer("\n", "\r\n", "SETUP", setup, "DIR", dir, "HOST", p.flow.remote.Addr().String()).Replace(text))
}

const trunkSDP = `v=0
o=pbx 1 1 IN IP4 HOST
s=-
c=IN IP4 HOST
t=0 0
m=audio 30000 RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=DIR
`

const browserSDP = `v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdef01234567
a=fingerprint:sha-256 11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00
a=setup:SETUP
a=mid:0
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1234 cname:secret-cname
a=DIR
`

// bodies are the bodies that flows name.
var bodies = map[string]struct{ kind, text string }{
	"text": {"text/plain", "hello"}, "html": {"text/html", "<b>hello</b>"}, "digits": {"application/dtmf-relay", "Signal=5\r\n"},
	"plain": {"application/dtmf", "5"}, "pin": {"application/dtmf", "12*\r\n"}, "flash": {"application/dtmf-relay", "Signal=hf\r\n"},
	"mwi": {"application/simple-message-summary", "Messages-Waiting: yes\r\nMessage-Account: sip:x@10.0.0.9\r\nVoice-Message: 2/8\r\n"},
	"busy": {"application/dialog-info+xml", `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:x@10.0.0.9">` +
		`<dialog id="secret-cname" call-id="secret-cname"><state>confirmed</state><remote><identity>sip:y@10.0.0.9</identity></remote></dialog></dialog-info>`},
	"open": {"application/pidf+xml", `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:x@10.0.0.9">` +
		`<tuple id="t"><status><basic>open</basic></status><contact>sip:x@10.0.0.9</contact></tuple></presence>`},
	"reg":     {"application/reginfo+xml", `<reginfo xmlns="urn:ietf:params:xml:ns:reginfo"/>`},
	"picture": {"application/media_control+xml", `<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>`},
	"dtd":     {"application/pidf+xml", `<!DOCTYPE x [<!ENTITY y "z">]><presence xmlns="urn:ietf:params:xml:ns:pidf"/>`},
	"parts":   {"multipart/mixed;boundary=b", "--b\r\n\r\nhello\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--"},
}

// direction reads the direction of an SDP.
func direction(sdp string) string {
	for _, d := range []string{"sendonly", "recvonly", "inactive"} {
		if strings.Contains(sdp, "a="+d) {
			return d
		}
	}
	return "sendrecv"
}
