package transport

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"drawbridge/sip/txn"
)

func listenersAt(addrs ...string) (out []Listener) {
	for _, a := range addrs {
		network, realm := a[:3], a[4:5]
		out = append(out, Listener{Realm: realm, Network: network, Addr: ap(a[6:])})
	}
	return out
}

func prepare(t *testing.T, tr *Transport, listeners []Listener) *Change {
	t.Helper()
	c, err := tr.Prepare(listeners, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestListenersChange: one stays as it is, one comes, one goes: what is under way there goes on until Retire, connections for ever.
func TestListenersChange(t *testing.T) {
	s := newSink()
	tr := start(t, Config{Receiver: s, Listeners: listenersAt("udp a 127.0.0.1:0", "udp b 127.0.0.2:0", "tcp b 127.0.0.2:0")})
	stays, goes, door := tr.Addrs("a")[0], tr.Addrs("b")[0], tr.StreamAddrs("b", "tcp")[0]
	untouched := tr.sockets.Load().udp[0]
	conn, err := net.Dial("tcp", door.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	says := func(c interface{ Write([]byte) (int, error) }) txn.Flow {
		t.Helper()
		if _, err := c.Write([]byte("OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		return wait(t, s.got).flow
	}
	says(conn)

	prepare(t, tr, listenersAt("udp a 127.0.0.1:0", "udp c 127.0.0.3:0")).Commit()
	if tr.sockets.Load().udp[0] != untouched || tr.Addrs("a")[0] != stays {
		t.Error("a listener that did not change was opened again")
	}
	if got := len(tr.Addrs("b")) + len(tr.StreamAddrs("b", "tcp")); got != 0 {
		t.Errorf("%d listeners of a realm that has none", got)
	}
	peer := dialUDP(t)
	for _, row := range []struct {
		to      netip.AddrPort
		retired bool
	}{{stays, false}, {tr.Addrs("c")[0], false}, {goes, true}} {
		write(t, peer, row.to, "hello")
		f := wait(t, s.got).flow
		if got := f.(txn.Retiring).Retired(); got != row.retired {
			t.Errorf("%s: retired %t", row.to, got)
		}
		if err := f.Send([]byte("answer")); err != nil {
			t.Error(err)
		}
		if answer, from := readUDP(t, peer); answer != "answer" || from != row.to {
			t.Errorf("%q from %s", answer, from)
		}
	}
	if f, err := tr.UDP("b", ap("127.0.0.1:5060")); err != nil || f.Key().Local != goes {
		t.Errorf("a call of before finds no way out: %v", err)
	}
	if c, err := net.Dial("tcp", door.String()); err == nil {
		_ = c.Close()
		t.Error("a listener that has gone accepts")
	}
	says(conn)

	tr.Retire()
	if _, err := tr.UDP("b", ap("127.0.0.1:5060")); !errors.Is(err, ErrNoListener) {
		t.Errorf("after Retire: %v", err)
	}
	vacant, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(goes))
	if err != nil {
		t.Fatalf("the address is still taken: %v", err)
	}
	_ = vacant.Close()
	says(conn)
}

// TestListenerComesBack: before it has been closed it is the same socket, not retired any more.
func TestListenerComesBack(t *testing.T) {
	tr := start(t, Config{Receiver: newSink(), Listeners: listenersAt("udp a 127.0.0.1:0", "udp b 127.0.0.2:0", "tcp b 127.0.0.2:0")})
	before := tr.sockets.Load()
	prepare(t, tr, listenersAt("udp a 127.0.0.1:0")).Commit()
	prepare(t, tr, listenersAt("udp a 127.0.0.1:0", "udp b 127.0.0.2:0", "tcp b 127.0.0.2:0")).Commit()
	tr.Retire()
	after := tr.sockets.Load()
	if len(after.udp) != 2 || after.udp[1] != before.udp[1] || after.udp[1].retired.Load() {
		t.Errorf("UDP: %+v", after.udp)
	}
	c, err := net.Dial("tcp", tr.StreamAddrs("b", "tcp")[0].String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

// TestChangeFails: what cannot be had leaves everything as it is, and nothing open behind it.
func TestChangeFails(t *testing.T) {
	squatter := dialUDP(t)
	taken := squatter.LocalAddr().(*net.UDPAddr).AddrPort()
	tr := start(t, Config{Receiver: newSink(), Listeners: listenersAt("udp a 127.0.0.4:0")})
	before := tr.sockets.Load()
	for what, row := range map[string]struct {
		listeners []Listener
		keys      map[string]Keys
		want      error
	}{
		"an address that somebody has": {listeners: append(listenersAt("udp a 127.0.0.4:0"), Listener{Realm: "b", Network: "udp", Addr: taken})},
		"TLS without a certificate":    {listeners: []Listener{{Realm: "a", Network: "tls", Addr: ap("127.0.0.1:0")}}, want: ErrConfig},
		"a certificate that is none":   {keys: map[string]Keys{"a": {Cert: "none.pem", Key: "none.key"}}},
	} {
		c, err := tr.Prepare(row.listeners, row.keys, nil)
		if err == nil {
			c.Discard()
			t.Errorf("%s: taken", what)
		}
		if row.want != nil && !errors.Is(err, row.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if tr.sockets.Load() != before {
		t.Error("a change that failed has changed something")
	}
}

// TestListenerChangesHands: a socket that is in use does not become another realm's.
func TestListenerChangesHands(t *testing.T) {
	free, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(ap("127.0.9.7:0"))) // an address that no other test has
	if err != nil {
		t.Fatal(err)
	}
	at := free.LocalAddr().(*net.UDPAddr).AddrPort()
	_ = free.Close()
	tr := start(t, Config{Receiver: newSink(), Listeners: []Listener{{Realm: "a", Network: "udp", Addr: at}}})
	for _, l := range []Listener{{Realm: "b", Network: "udp", Addr: at}, {Realm: "a", Network: "udp", Addr: at, DSCP: 46}} {
		if _, err := tr.Prepare([]Listener{l}, nil, nil); !errors.Is(err, ErrTaken) {
			t.Errorf("%+v: %v", l, err)
		}
	}
}
