package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drawbridge/sip/transport/transporttest"
	"drawbridge/sip/txn"
	"drawbridge/telemetry"
)

// bubble is a transport with a TCP listener over memory connections, and its raw peers, in a synctest bubble.
type bubble struct {
	tr      *Transport
	pipes   transporttest.Pipes
	got     *refuser
	refused []telemetry.Refused
	stop    func()
}

var (
	gatewayAt = ap("192.0.2.1:5060")
	peerAt    = ap("198.51.100.1:5060")
)

// refuser records what cannot be framed and answers it, as the core does.
type refuser struct {
	transporttest.Recorder
	heads []string
}

func (r *refuser) Refuse(f txn.Flow, head []byte, status int, reason string) {
	r.heads = append(r.heads, reason+": "+string(head))
	_ = f.Send([]byte(strconv.Itoa(status) + " " + reason))
}

func newBubble(t *testing.T, change ...func(*Config)) *bubble {
	b := &bubble{got: new(refuser)}
	cfg := Config{
		Receiver: b.got, Listeners: []Listener{{Realm: "a", Network: "tcp", Addr: gatewayAt}},
		Events:       telemetry.Listener{Refused: func(e telemetry.Refused) { b.refused = append(b.refused, e) }},
		listenStream: func(_ string, at netip.AddrPort) (net.Listener, error) { return b.pipes.Listen(at), nil },
		dialStream: func(ctx context.Context, _ string, from, to netip.AddrPort, _ uint8) (net.Conn, error) {
			return b.pipes.Dial(ctx, from, to)
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.tr = tr
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- tr.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		if s := tr.Stats(); s.Streams != 0 {
			t.Errorf("%d connections left", s.Streams)
		}
		for _, l := range tr.sockets.Load().streams {
			if l.limits.all != (usage{}) || len(l.limits.sources) != 0 {
				t.Errorf("still booked: %+v, %v", l.limits.all, l.limits.sources)
			}
		}
	}
	return b
}

// led counts the ways and hosts that connections lead to. Connections end on goroutines of their own: it takes their lock.
func (b *bubble) led() (ways, hosts int) {
	b.tr.streams.mu.Lock()
	defer b.tr.streams.mu.Unlock()
	return len(b.tr.streams.to), len(b.tr.streams.hosts)
}

// dial connects a raw peer. What it is sent is collected until the connection ends.
func (b *bubble) dial(t *testing.T, from netip.AddrPort) *rawPeer {
	t.Helper()
	conn, err := b.pipes.Dial(t.Context(), from, gatewayAt)
	if err != nil {
		t.Fatal(err)
	}
	return collect(conn)
}

type rawPeer struct {
	net.Conn
	heard chan string // everything, when the connection has ended
	ended time.Time
	text  strings.Builder
}

func collect(conn net.Conn) *rawPeer {
	p := &rawPeer{Conn: conn, heard: make(chan string, 1)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			p.text.Write(buf[:n])
			if err != nil {
				p.ended = time.Now()
				p.heard <- p.text.String()
				return
			}
		}
	}()
	return p
}

func (p *rawPeer) write(t *testing.T, s string) {
	t.Helper()
	if _, err := p.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

func taken(rs []transporttest.Record) (texts []string, lost []error) {
	for _, r := range rs {
		if r.Lost != nil {
			lost = append(lost, r.Lost)
		} else {
			texts = append(texts, string(r.Bytes))
		}
	}
	return texts, lost
}

func TestAcceptedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		peer := b.dial(t, peerAt)
		msg := sipMessage("hi", "l: 2")
		for _, c := range msg + msg + "\r\n\r\n" {
			peer.write(t, string(c))
		}
		synctest.Wait()
		rs := b.got.Take()
		if texts, lost := taken(rs); len(texts) != 2 || texts[0] != msg || texts[1] != msg || len(lost) != 0 {
			t.Fatalf("received %q", texts)
		}
		f := rs[0].Flow
		if f.Transport() != "TCP" || !f.Reliable() || f.Realm() != "a" || f.SentBy() != gatewayAt || f.Remote() != peerAt || f.Key().ID == 0 {
			t.Errorf("%v", f.Key())
		}
		_ = f.Send([]byte("one"))
		_ = f.Send([]byte("two"))
		synctest.Wait()
		_ = peer.Close()
		if text := <-peer.heard; text != "\r\nonetwo" {
			t.Errorf("sent %q", text)
		}
		synctest.Wait()
		if _, lost := taken(b.got.Take()); len(lost) != 1 {
			t.Errorf("lost %v", lost)
		}
		if err := f.Send(nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Send: %v", err)
		}
		b.stop()
	})
}

// TestSlowStreams: whatever a peer does not do in time ends its connection, and nothing but a message buys more.
func TestSlowStreams(t *testing.T) {
	for name, tt := range map[string]struct {
		first  string // at once
		then   string // every second
		limit  time.Duration
		answer string
	}{
		"nothing":          {"", "", openWait, ""},
		"keepalives only":  {"", "\r\n", openWait, ""},
		"endless header":   {"", "X", openWait, ""},
		"second message":   {sipMessage("", "l: 0") + "INVITE", " ", messageWait, ""},
		"incomplete body":  {sipMessage("", "l: 0") + sipMessage("abc", "l: 40"), "", messageWait, "400 Incomplete Message"},
		"idle for an hour": {sipMessage("", "l: 0"), "", idleWait, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				peer := b.dial(t, peerAt)
				began := time.Now()
				peer.write(t, tt.first)
				if tt.then != "" {
					for range 20 {
						time.Sleep(time.Second)
						_, _ = peer.Write([]byte(tt.then))
					}
				}
				text := strings.ReplaceAll(<-peer.heard, "\r\n", "")
				if took := peer.ended.Sub(began); took < tt.limit || took > tt.limit+2*closeWait {
					t.Errorf("ended after %v", took)
				}
				if text != tt.answer {
					t.Errorf("heard %q", text)
				}
				_ = peer.Close()
				b.stop()
			})
		})
	}
}

// TestUnframed: the request is answered, the connection closed, and what follows is not read as a message.
func TestUnframed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		peer := b.dial(t, peerAt)
		go func() { _, _ = peer.Write([]byte(sipMessage("", "X: y") + sipMessage("", "l: 0"))) }()
		text := <-peer.heard
		if text != "411 Length Required" {
			t.Errorf("heard %q", text)
		}
		_ = peer.Close()
		synctest.Wait()
		if texts, lost := taken(b.got.Take()); len(texts) != 0 || len(lost) != 1 || len(b.got.heads) != 1 {
			t.Errorf("received %q, lost %v, refused %q", texts, lost, b.got.heads)
		}
		_ = peer.Close()
		b.stop()
	})
}

// TestAnswersBeforeUnframed: what came before a request without an end is answered, although its answer takes a moment.
func TestAnswersBeforeUnframed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		peer := b.dial(t, peerAt)
		go func() { _, _ = peer.Write([]byte(sipMessage("", "l: 0") + sipMessage("", "X: y"))) }()
		synctest.Wait()
		first := b.got.Take()
		if len(first) != 1 {
			t.Fatalf("received %v", first)
		}
		time.Sleep(answerWait / 2)
		if err := first[0].Flow.Send([]byte(" 200")); err != nil {
			t.Errorf("the answer to what came before: %v", err)
		}
		if text := <-peer.heard; text != "411 Length Required 200" {
			t.Errorf("heard %q", text)
		}
		_ = peer.Close()
		b.stop()
	})
}

// TestDialledStream: messages wait for the connection and keep their order; a second call uses it too.
func TestDialledStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		ln := b.pipes.Listen(peerAt)
		hop := txn.Hop{Network: "tcp", Addr: peerAt}
		f, err := b.tr.To("a", hop)
		if err != nil {
			t.Fatal(err)
		}
		key := f.Key()
		for _, s := range []string{"1", "2", "3"} {
			if err := f.Send([]byte(s)); err != nil {
				t.Fatal(err)
			}
		}
		again, err := b.tr.To("a", txn.Hop{Network: "tcp", Addr: peerAt, Name: "unproved"})
		if err != nil || again.Key() != key {
			t.Errorf("a second connection: %v", err)
		}
		time.Sleep(time.Second)
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		peer := collect(conn)
		synctest.Wait()
		if got := addrPort(conn.RemoteAddr()); got.Addr() != gatewayAt.Addr() {
			t.Errorf("dialled from %v", got)
		}
		if f.Key() != key || f.SentBy() != gatewayAt || f.Remote() != peerAt {
			t.Errorf("key changed to %v, sent-by %v", f.Key(), f.SentBy())
		}
		answer := sipMessage("", "l: 0")
		peer.write(t, answer)
		synctest.Wait()
		if texts, _ := taken(b.got.Take()); len(texts) != 1 || texts[0] != answer {
			t.Errorf("received %q", texts)
		}
		b.stop()
		if text := <-peer.heard; text != "123" {
			t.Errorf("heard %q", text)
		}
		if _, lost := taken(b.got.Take()); len(lost) != 1 || !errors.Is(lost[0], ErrClosed) {
			t.Errorf("lost %v", lost)
		}
		_ = peer.Close()
	})
}

// TestReturn: whoever is configured is answered over another connection when the one it called over has gone, at its own address and no
// other; over TCP nobody else is.
func TestReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *Config) { c.Known = func(_ string, a netip.Addr) bool { return a == peerAt.Addr() } })
		ln := b.pipes.Listen(peerAt)
		stranger := b.dial(t, ap("203.0.113.5:33333"))
		stranger.write(t, sipMessage("", "l: 0"))
		synctest.Wait()
		f := b.got.Take()[0].Flow.(txn.Returner)
		if _, err := f.Return(5060); f.Returns() || !errors.Is(err, ErrUnproved) {
			t.Errorf("a stranger is called back: %v", err)
		}
		_ = stranger.Close()
		for _, from := range []netip.AddrPort{ap("198.51.100.1:33333"), peerAt} { // it called us, and we called it
			var f txn.Flow
			if from != peerAt {
				p := b.dial(t, from)
				p.write(t, sipMessage("", "l: 0"))
				synctest.Wait()
				for _, r := range b.got.Take() {
					if r.Flow.Remote() == from {
						f = r.Flow
					}
				}
				_ = p.Close()
			} else {
				f, _ = b.tr.To("a", txn.Hop{Network: "tcp", Addr: peerAt})
				conn, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
			}
			synctest.Wait()
			back, err := f.(txn.Returner).Return(peerAt.Port())
			if err != nil || back.Key() == f.Key() || back.Remote() != peerAt || back.Transport() != "TCP" {
				t.Fatalf("%s: leads back to %v: %v", from, back, err)
			}
			if err := back.Send([]byte("late")); err != nil {
				t.Error(err)
			}
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			peer := collect(conn)
			synctest.Wait()
			_ = peer.Close()
			if text := <-peer.heard; text != "late" {
				t.Errorf("%s: heard %q", from, text)
			}
			synctest.Wait()
		}
		b.stop()
	})
}

// TestDialFails: the flow is lost, and the next call tries anew.
func TestDialFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		began := time.Now()
		f, err := b.tr.To("a", txn.Hop{Network: "tcp", Addr: peerAt})
		if err != nil {
			t.Fatal(err)
		}
		var full error
		for range streamMessages + 1 {
			full = f.Send([]byte("x"))
		}
		if !errors.Is(full, ErrQueueFull) {
			t.Errorf("Send: %v", full)
		}
		if time.Since(began) != 0 {
			t.Error("it took time")
		}
		time.Sleep(openWait + time.Second)
		rs := b.got.Take()
		if _, lost := taken(rs); len(lost) != 1 || !errors.Is(lost[0], context.DeadlineExceeded) || rs[0].Flow.Key() != f.Key() {
			t.Errorf("lost %v", lost)
		}
		again, err := b.tr.To("a", txn.Hop{Network: "tcp", Addr: peerAt})
		if err != nil || again.Key() == f.Key() {
			t.Errorf("the dead flow again: %v", err)
		}
		b.stop()
		if _, err := b.tr.To("a", txn.Hop{Network: "tcp", Addr: peerAt}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestNoListenerToDialFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		for _, hop := range []txn.Hop{{Network: "tls", Addr: peerAt}, {Network: "tcp", Addr: ap("[2001:db8::1]:5060")}, {Network: "sctp", Addr: peerAt}} {
			if _, err := b.tr.To("a", hop); !errors.Is(err, ErrNoListener) {
				t.Errorf("%v: %v", hop, err)
			}
		}
		if _, err := b.tr.To("b", txn.Hop{Network: "tcp", Addr: peerAt}); !errors.Is(err, ErrNoListener) {
			t.Errorf("other realm: %v", err)
		}
		b.stop()
	})
}

// TestStreamPings: we ping what we have dialled. A peer that has answered must go on answering; one that never has need not.
func TestStreamPings(t *testing.T) {
	for name, tt := range map[string]struct {
		answers int
		min     time.Duration
		max     time.Duration
	}{"never": {0, 50 * time.Minute, 50 * time.Minute}, "three times": {3, 90 * time.Second, 170 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				ln := b.pipes.Listen(peerAt)
				f, err := b.tr.To("a", txn.Hop{Network: "tcp", Addr: peerAt})
				if err != nil {
					t.Fatal(err)
				}
				_ = f.Send([]byte("x"))
				conn, _ := ln.Accept()
				began, pings := time.Now(), 0
				_ = conn.SetReadDeadline(began.Add(50 * time.Minute))
				buf := make([]byte, 100)
				for {
					n, err := conn.Read(buf)
					if err != nil {
						break
					}
					if string(buf[:n]) != ping {
						continue
					}
					if pings++; pings <= tt.answers {
						_, _ = conn.Write([]byte(pong))
					}
				}
				if took := time.Since(began); took < tt.min || took > tt.max || pings < tt.answers+1 {
					t.Errorf("ended after %v, %d pings", took, pings)
				}
				synctest.Wait()
				if _, lost := taken(b.got.Take()); tt.answers > 0 && (len(lost) != 1 || !errors.Is(lost[0], ErrSilent)) {
					t.Errorf("lost %v", lost)
				}
				_ = conn.Close()
				b.stop()
			})
		})
	}
}

// TestStreamThatDoesNotRead: sending never blocks; the full queue ends the flow.
func TestStreamThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		conn, err := b.pipes.Dial(t.Context(), peerAt, gatewayAt)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(sipMessage("", "l: 0")))
		synctest.Wait()
		f := b.got.Take()[0].Flow
		began := time.Now()
		for err = nil; err == nil; {
			err = f.Send(make([]byte, 10_000))
		}
		if !errors.Is(err, ErrQueueFull) || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(3 * closeWait)
		if _, lost := taken(b.got.Take()); len(lost) != 1 || !errors.Is(lost[0], ErrQueueFull) {
			t.Errorf("lost %v", lost)
		}
		_ = conn.Close()
		b.stop()
	})
}

// TestStreamLimits: a source without manners uses up its own share only, and gives all of it back.
func TestStreamLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *Config) {
			c.Known = func(_ string, a netip.Addr) bool { return a == peerAt.Addr() }
		})
		var idle []*rawPeer
		for i := range maxFreshEach + 10 {
			idle = append(idle, b.dial(t, netip.AddrPortFrom(ap("203.0.113.5:1").Addr(), uint16(10_000+i))))
		}
		synctest.Wait()
		if n := b.tr.Stats().Streams; n != maxFreshEach || len(b.refused) != 10 || b.refused[0].Kind != "stream-limit" {
			t.Errorf("%d connections, %d refused", n, len(b.refused))
		}
		good := b.dial(t, peerAt)
		good.write(t, sipMessage("", "l: 0"))
		synctest.Wait()
		if texts, _ := taken(b.got.Take()); len(texts) != 1 {
			t.Errorf("the peer is not heard: %q", texts)
		}
		time.Sleep(openWait + time.Second)
		if n := b.tr.Stats().Streams; n != 1 {
			t.Errorf("%d connections", n)
		}
		for _, p := range append(idle, good) {
			_ = p.Close()
		}
		b.stop()
	})
}

// TestHeldBytes: messages that never end cannot take more memory than a source's share.
func TestHeldBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *Config) { c.Known = func(string, netip.Addr) bool { return false } })
		var peers []*rawPeer
		for i := range 2 * maxHeldEach / maxMessage {
			p := b.dial(t, netip.AddrPortFrom(peerAt.Addr(), uint16(10_000+i)))
			peers = append(peers, p)
			_, _ = p.Write([]byte(sipMessage(strings.Repeat("x", 60_000), "l: 62000"))) // fails for those over the limit
		}
		synctest.Wait()
		l := b.tr.sockets.Load().streams[0].limits
		if l.all.bytes > maxHeldEach || l.all.bytes < maxHeldEach/2 || b.tr.Stats().Streams >= len(peers) {
			t.Errorf("%d bytes held by %d connections", l.all.bytes, b.tr.Stats().Streams)
		}
		for _, p := range peers {
			_ = p.Close()
		}
		b.stop()
	})
}

// TestPace: a stranger's burst passes, its flood is slowed down but nothing is lost; a trunk's is not slowed down.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *Config) { c.Known = func(_ string, a netip.Addr) bool { return a == peerAt.Addr() } })
		const extra = 500
		flood := strings.Repeat(sipMessage("", "l: 0"), paceBurst+extra)
		for _, from := range []netip.AddrPort{peerAt, ap("203.0.113.5:5060")} {
			p := b.dial(t, from)
			began := time.Now()
			p.write(t, flood)
			_ = p.Close()
			synctest.Wait()
			time.Sleep(time.Minute)
			rs := b.got.Take()
			texts, _ := taken(rs)
			want := time.Duration(0)
			if from != peerAt {
				want = extra * paceEvery
			}
			last := rs[len(texts)-1].At.Sub(began)
			if len(texts) != paceBurst+extra || last < want-paceEvery || last > want+paceEvery {
				t.Errorf("%s: %d messages in %v, want %v", from, len(texts), last, want)
			}
		}
		b.stop()
	})
}

// TestStreamStrangers hear nothing.
func TestStreamStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *Config) { c.Allow = func(string, string, netip.Addr) bool { return false } })
		p := b.dial(t, peerAt)
		if text := <-p.heard; text != "" || len(b.refused) != 1 || b.refused[0].Kind != "unknown-source" {
			t.Errorf("heard %q, refused %v", text, b.refused)
		}
		_ = p.Close()
		b.stop()
	})
}

// TestOneHostTakesNoRoomOfOthers: a peer that names port after port, in Contacts or by alias, has its share of connections and no more.
func TestOneHostTakesNoRoomOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		defer b.stop()
		greedy := peerAt.Addr()
		in := b.dial(t, peerAt)
		in.write(t, sipMessage("", "l: 0"))
		synctest.Wait()
		offered := b.got.Take()[0].Flow
		to := func(a netip.Addr, port int) (txn.Flow, error) {
			return b.tr.To("a", txn.Hop{Network: "tcp", Addr: netip.AddrPortFrom(a, uint16(port))})
		}
		for i := range maxDialledEach {
			if _, err := to(greedy, 10_000+i); err != nil {
				t.Fatal(i, err)
			}
		}
		offered.(txn.Aliased).Alias(5070)
		if _, err := to(greedy, 5070); !errors.Is(err, ErrLimit) {
			t.Errorf("one more: %v", err)
		}
		if _, err := to(ap("203.0.113.5:1").Addr(), 5060); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		time.Sleep(openWait + time.Second) // nobody listens there
		if f, err := to(greedy, 5070); err != nil || f.Key() == offered.Key() {
			t.Errorf("later: %v", err)
		}
		_ = in.Close()
		time.Sleep(openWait + time.Second)
		if ways, hosts := b.led(); ways+hosts != 0 {
			t.Errorf("%d ways, %d hosts left", ways, hosts)
		}
	})
}
