package transporttest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/txn"
)

var (
	atA = netip.MustParseAddrPort("192.0.2.1:5060")
	atB = netip.MustParseAddrPort("192.0.2.2:5060")
)

func texts(rs []Record) []string {
	var out []string
	for _, r := range rs {
		out = append(out, string(r.Bytes))
	}
	return out
}

// TestFates: lost, doubled, re-ordered.
func TestFates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Net
		got := new(Recorder)
		n.Listen("b", atB, got)
		f := n.Listen("a", atA, new(Recorder)).Flow(atB)
		n.SetFate(func(d Datagram) []time.Duration {
			if d.From != atA || d.To != atB {
				t.Errorf("%+v", d)
			}
			return [][]time.Duration{{0}, nil, {0, time.Second}, {2 * time.Second}, {time.Millisecond}}[d.Seq]
		})
		for _, s := range []string{"0", "1", "2", "3", "4"} {
			_ = f.Send([]byte(s))
		}
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"0", "2", "4", "2", "3"}, texts(got.Take())); diff != "" {
			t.Error(diff)
		}
		if n.Sent() != 5 {
			t.Errorf("%d sent", n.Sent())
		}
	})
}

func TestSocket(t *testing.T) {
	var n Net
	a, b := new(Recorder), new(Recorder)
	sa := n.Listen("a", atA, a)
	n.Listen("b", atB, b)
	msg := []byte("ask")
	_ = sa.Flow(atB).Send(msg)
	copy(msg, "xxx")
	in := b.Take()[0]
	if string(in.Bytes) != "ask" || in.Flow.Key() != (txn.FlowKey{Realm: "b", Local: atB, Remote: atA}) {
		t.Errorf("%q on %v", in.Bytes, in.Flow.Key())
	}
	_ = in.Flow.Send([]byte("answer"))
	if diff := cmp.Diff([]string{"answer"}, texts(a.Take())); diff != "" {
		t.Error(diff)
	}
	sa.Close()
	_ = in.Flow.Send([]byte("late"))
	if got := a.Take(); len(got) != 0 {
		t.Errorf("after Close: %v", texts(got))
	}
}

func TestConn(t *testing.T) {
	var n Net
	a, b := n.ListenPacket(atA), n.ListenPacket(atB)
	if _, err := a.WriteToUDPAddrPort([]byte("hello"), atB); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 3)
	if k, from, err := b.ReadFromUDPAddrPort(buf); string(buf[:k]) != "hel" || from != atA || err != nil {
		t.Errorf("%q from %v, %v", buf[:k], from, err)
	}
	oops := errors.New("oops")
	b.Fail(oops)
	if _, _, err := b.ReadFromUDPAddrPort(buf); !errors.Is(err, oops) {
		t.Errorf("read: %v", err)
	}
	done := make(chan error)
	go func() {
		_, _, err := b.ReadFromUDPAddrPort(buf)
		done <- err
	}()
	_ = b.Close()
	_ = b.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if _, err := b.WriteToUDPAddrPort(nil, atA); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
}

func TestPair(t *testing.T) {
	a, b := new(Recorder), new(Recorder)
	x, y := Pair(3, End{Realm: "a", Addr: atA, Recv: a}, End{Realm: "b", Addr: atB, Transport: "WSS", Recv: b})
	_ = x.Send([]byte("1"))
	_ = x.Send([]byte("2"))
	_ = y.Send([]byte("3"))
	if diff := cmp.Diff([][]string{{"3"}, {"1", "2"}}, [][]string{texts(a.Take()), texts(b.Take())}); diff != "" {
		t.Error(diff)
	}
	if x.Transport() != "WS" || y.Transport() != "WSS" || x.Key() == y.Key() || x.Remote() != y.SentBy() {
		t.Errorf("%v, %v", x.Key(), y.Key())
	}
	why := errors.New("cable")
	y.Break(why)
	x.Break(nil)
	for _, r := range []*Recorder{a, b} {
		if got := r.Take(); len(got) != 1 || !errors.Is(got[0].Lost, why) {
			t.Errorf("heard %v", got)
		}
	}
	if err := x.Send(nil); !errors.Is(err, txn.ErrFlowLost) {
		t.Errorf("Send: %v", err)
	}
}

func TestPipes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pipes
		ln := p.Listen(atB)
		accepted := make(chan net.Conn)
		go func() {
			c, err := ln.Accept()
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		a, err := p.Dial(t.Context(), netip.AddrPortFrom(atA.Addr(), 0), atB)
		if err != nil {
			t.Fatal(err)
		}
		b := <-accepted
		if a.RemoteAddr().String() != atB.String() || b.RemoteAddr().String() != a.LocalAddr().String() {
			t.Errorf("%v, %v", a.RemoteAddr(), b.RemoteAddr())
		}
		_ = a.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := a.Write(make([]byte, 2*window)) // nobody reads
		if n != window || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v", n, err)
		}
		_ = a.SetWriteDeadline(time.Time{})
		done := make(chan error)
		go func() {
			_, err := a.Write([]byte("the rest"))
			_ = a.Close()
			done <- err
		}()
		got, err := io.ReadAll(b)
		if len(got) != window+len("the rest") || err != nil || <-done != nil {
			t.Errorf("read %d, %v", len(got), err)
		}
		if _, err := b.Write([]byte("x")); err == nil {
			t.Error("wrote to nobody")
		}
		_ = b.Close()
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read: %v", err)
		}
	})
}

// TestPipeDeadlineMoves while somebody waits for it.
func TestPipeDeadlineMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, y := connect(atA, atB)
		began, ended := time.Now(), make(chan error)
		_ = x.SetReadDeadline(began.Add(time.Hour))
		go func() {
			_, err := x.Read(make([]byte, 1))
			ended <- err
		}()
		time.Sleep(time.Second)
		_ = x.SetDeadline(time.Now().Add(time.Second))
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		_ = x.SetDeadline(time.Time{})
		_, _ = y.Write([]byte("!"))
		if n, err := x.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("read %d, %v", n, err)
		}
	})
}
