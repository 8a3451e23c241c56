package b2bua

import (
	"net/netip"
	"testing"

	"drawbridge/sip/dialog"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

// dialogTo is a dialog of ours whose peer has written a Contact and record routes, in the order of its 2xx.
func dialogTo(t *testing.T, contact string, routes ...string) *dialog.Dialog {
	t.Helper()
	addr := func(s string) wire.Addr {
		u, err := wire.ParseURI(s)
		if err != nil {
			t.Fatal(err)
		}
		return wire.Addr{URI: u}
	}
	in := wire.NewRequest(wire.INVITE, wire.URI{Scheme: "sip", User: "100", Host: "192.0.2.1"})
	in.CallID, in.CSeq = "call", wire.CSeq{Seq: 1, Method: wire.INVITE}
	in.From, in.To = addr("sip:us@carrier.example"), wire.Addr{URI: in.URI}
	in.From.Params.Set("tag", "ours")
	in.Contact = []wire.Addr{addr("sip:us@203.0.113.1")}
	ok := wire.NewResponse(in, 200, "", "theirs")
	ok.Contact = []wire.Addr{addr(contact)}
	for _, r := range routes {
		ok.RecordRoute = append(ok.RecordRoute, addr(r))
	}
	d, err := dialog.NewUAC(in, ok)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestHopOf is where the requests of a dialog go, by what the trunk has written. Nothing written leads outside its own addresses.
func TestHopOf(t *testing.T) {
	own := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28")}
	for _, c := range []struct {
		name      string
		transport string // of the flow, whose peer is 192.0.2.1:5060
		tls       string // the trunk's name
		contact   string
		route     string
		want      string // network:address; "" is along the flow
	}{
		{"its Contact", "UDP", "", "sip:x@192.0.2.1:5080", "", "udp:192.0.2.1:5080"},
		{"another host of its own", "UDP", "", "sip:x@192.0.2.9", "", "udp:192.0.2.9:5060"},
		{"a stranger's host", "UDP", "", "sip:x@198.51.100.66", "", ""},
		{"a name is not looked up", "UDP", "", "sip:x@trunk.example", "", ""},
		{"its proxy comes first", "UDP", "", "sip:x@198.51.100.66", "sip:192.0.2.2;lr", "udp:192.0.2.2:5060"},
		{"a stranger's proxy", "UDP", "", "sip:x@192.0.2.9", "sip:198.51.100.66;lr", ""},
		{"TCP in words", "UDP", "", "sip:x@192.0.2.1:5070;transport=TCP", "", "tcp:192.0.2.1:5070"},
		{"UDP in words", "TCP", "", "sip:x@192.0.2.1:5070;transport=udp", "", "udp:192.0.2.1:5070!"},
		{"no word about it on a connection", "TCP", "", "sip:x@192.0.2.1:5070", "", ""},
		{"TLS without a name to prove", "UDP", "", "sip:x@192.0.2.1;transport=tls", "", ""},
		{"TLS", "TLS", "sbc.example", "sip:x@192.0.2.1;transport=tls", "", "tls:192.0.2.1:5061=sbc.example"},
		{"sips on a connection", "TLS", "sbc.example", "sips:x@192.0.2.1", "", ""},
		{"maddr of its own", "UDP", "", "sip:x@trunk.example;maddr=192.0.2.3", "", "udp:192.0.2.3:5060"},
		{"maddr of a stranger", "UDP", "", "sip:x@192.0.2.1;maddr=198.51.100.66", "", ""},
		{"maddr to everybody", "UDP", "", "sip:x@192.0.2.1;maddr=224.0.1.75", "", ""},
		{"anywhere", "TLS", "any.example", "sip:x@198.51.100.66;transport=tcp", "", ""},
		{"IPv6 of nobody's", "UDP", "", "sip:x@[2001:db8::1]", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var routes []string
			if c.route != "" {
				routes = []string{c.route}
			}
			f := &memFlow{realm: "carrier", remote: netip.MustParseAddrPort("192.0.2.1:5060"), transport: c.transport, id: 1}
			p := &Party{Trunk: true, Sources: own, TLSName: c.tls}
			if c.tls == "any.example" {
				p.Sources = append(p.Sources, netip.MustParsePrefix("0.0.0.0/0"))
			}
			got := hopOf(p, f, dialogTo(t, c.contact, routes...))
			if text := hopText(got); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
			p.Trunk = false
			if got := hopOf(p, f, dialogTo(t, c.contact, routes...)); got != (txn.Hop{}) {
				t.Errorf("an account is followed to %+v", got)
			}
		})
	}
}

func hopText(h txn.Hop) string {
	if !h.Addr.IsValid() {
		return ""
	}
	s := h.Network + ":" + h.Addr.String()
	if h.Strict {
		s += "!"
	}
	if h.Name != "" {
		s += "=" + h.Name
	}
	return s
}

// noteFlow keeps what it is given.
type noteFlow struct {
	memFlow
	got []byte
}

func (f *noteFlow) Send(b []byte) error {
	f.got = b
	return nil
}

// TestAckOverAnotherNetwork: the Via of an ACK says how it was sent, not how its INVITE was.
func TestAckOverAnotherNetwork(t *testing.T) {
	udp := &noteFlow{memFlow: memFlow{realm: "carrier", remote: netip.MustParseAddrPort("192.0.2.1:5060"), transport: "UDP"}}
	tcp := &noteFlow{memFlow: memFlow{realm: "carrier", remote: netip.MustParseAddrPort("192.0.2.1:5070"), transport: "TCP", id: 1}}
	s := &Switch{cfg: Config{Flow: func(_ string, h txn.Hop) (txn.Flow, error) {
		if h.Network == "tcp" {
			return tcp, nil
		}
		return nil, ErrNoWay
	}}}
	l := &sipLeg{legCore: legCore{outbox: &outbox{mint: func() string { return "token" }}}, flow: udp}
	ack := dialogTo(t, "sip:x@192.0.2.1:5070;transport=tcp").Ack(1)
	bytes := l.raw(ack)
	for _, c := range []struct {
		hop txn.Hop
		via string
		got *noteFlow
	}{{txn.Hop{Network: "tcp", Addr: tcp.remote}, "TCP", tcp}, {txn.Hop{}, "UDP", udp}, {txn.Hop{Network: "tls", Addr: tcp.remote}, "UDP", udp}} {
		udp.got, tcp.got = nil, nil
		s.sendRaw(&seat{}, SendRaw{Flow: udp, Hop: c.hop, Bytes: bytes})
		m, v := wire.Read(c.got.got, wire.CanonOptions{})
		if v.Status != 0 || m.Via[0].Transport != c.via || m.Branch() != "z9hG4bKtoken" {
			t.Errorf("%+v: %q", c.hop, c.got.got)
		}
	}
}
