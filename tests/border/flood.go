package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// What the floods are: SEC-01's rate for a fifth of its time, and one message from each of the forged sources.
const (
	floodRate  = 2000 // messages a second
	floodTime  = 10 * time.Second
	spoofed    = 50_000
	legalEvery = 100 * time.Millisecond
	mostGrowth = 50 << 20
)

// floods attacks from one address, then from many, while legal calls go on.
func floods(ctx context.Context, r *report, b *besieged, l *legal) error {
	calm, stop := context.WithTimeout(ctx, 3*time.Second)
	l.place(calm, legalEvery)
	stop()
	all, good, _, p99 := l.verdict()
	r.check("calls in peace", good == all && all > 20, "%d of %d, first answer p99 %s", good, all, p99.Round(time.Millisecond/10))
	before := b.rss()
	for _, f := range []struct {
		name string
		run  func() error
	}{
		{"one address", func() error { return oneAddress(r, b) }},
		{"50 000 addresses", func() error { return manyAddresses(r, b) }},
	} {
		l.reset()
		during, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			l.place(during, legalEvery)
			close(done)
		}()
		err := f.run()
		stop()
		<-done
		if err != nil {
			return err
		}
		all, good, p95, p99 := l.verdict()
		r.check("legal calls, "+f.name, float64(good) >= 0.999*float64(all) && all > 50, "%d of %d", good, all)
		r.check("they are answered within 50 ms", p95 < 50*time.Millisecond, "p95 %s, p99 %s", p95.Round(time.Millisecond/10), p99.Round(time.Millisecond/10))
		growth := b.rss() - before
		r.check("memory, "+f.name, growth < mostGrowth, "%+.1f MB of %d", float64(growth)/(1<<20), before>>20)
	}
	return nil
}

func options(from netip.AddrPort, n int, agent string) string {
	return message("OPTIONS", from, "100", n, agent)
}

func message(method string, from netip.AddrPort, user string, n int, agent string) string {
	return fmt.Sprintf("%s sip:%s@203.0.113.9:5080 SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%d-%d\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%s@phones.test>;tag=%d\r\nTo: <sip:%s@phones.test>\r\nCall-ID: %d@%s\r\nCSeq: 1 %s\r\nUser-Agent: %s\r\nContact: <sip:%s@%s>\r\nContent-Length: 0\r\n\r\n",
		method, user, from, n, time.Now().UnixNano(), user, n, user, n, from, method, agent, user, from)
}

// stranger opens a socket outside.
func (b *besieged) stranger(addr string) (conn *net.UDPConn, err error) {
	err = within(b.outside, func() error {
		conn, err = net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 0)), net.UDPAddrFromAddrPort(phoneSide))
		return err
	})
	return conn, err
}

// ask sends n messages from an address and counts the answers.
func (b *besieged) ask(addr, method, agent string, n int) (heard int, err error) {
	conn, err := b.stranger(addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	for i := range n {
		if _, err := conn.Write([]byte(message(method, conn.LocalAddr().(*net.UDPAddr).AddrPort(), "100", i, agent))); err != nil {
			return heard, err
		}
	}
	buf := make([]byte, 4096)
	for heard < n {
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return heard, err
		}
		if _, err := conn.Read(buf); err != nil {
			return heard, nil // silence
		}
		heard++
	}
	return heard, nil
}

// paced calls send at the rate of the flood.
func paced(n int, send func(i int) error) error {
	start := time.Now()
	for i := 0; i < n; {
		for due := int(time.Since(start).Seconds() * floodRate); i < min(due, n); i++ {
			if err := send(i); err != nil {
				return err
			}
		}
		<-time.After(time.Millisecond)
	}
	return nil
}

func oneAddress(r *report, b *besieged) error {
	conn, err := b.stranger("203.0.113.66")
	if err != nil {
		return err
	}
	defer conn.Close()
	var answers atomic.Int64
	var last atomic.Int64 // of them, Unix ns
	go func() {
		buf := make([]byte, 4096)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
			answers.Add(1)
			last.Store(time.Now().UnixNano())
		}
	}()
	start := time.Now()
	from := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	n := int(floodTime.Seconds() * floodRate)
	if err := paced(n, func(i int) error {
		_, err := conn.Write([]byte(options(from, i, "phone")))
		return err
	}); err != nil {
		return err
	}
	bans := b.lines(`"acl.deny"`, "max-signal", "203.0.113.66")
	r.check("one address is banned once", len(bans) == 1, "%d times", len(bans))
	heard := time.Unix(0, last.Load()).Sub(start)
	r.check("and hears nothing from then on", heard < 2*time.Second, "%d answers to %d, the last after %s", answers.Load(), n, heard.Round(time.Millisecond))
	dropped := b.metric("drawbridge_acl_denied_packets_total")
	r.check("what nobody looked at is counted", int(dropped) > n*9/10, "%.0f of %d", dropped, n)
	<-time.After(time.Until(start.Add(heard + banPeriod + time.Second)))
	again, err := b.ask("203.0.113.66", "OPTIONS", "phone", 1)
	r.check("after the ban it is heard again", err == nil && again == 1, "%d answer to one", again)
	return nil
}

// manyAddresses sends from addresses that are nobody's.
func manyAddresses(r *report, b *besieged) error {
	var raw int
	err := within(b.outside, func() (err error) {
		raw, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		return fmt.Errorf("raw socket: %w", err)
	}
	defer unix.Close(raw)
	to := &unix.SockaddrInet4{Addr: phoneSide.Addr().As4()}
	if err := paced(spoofed, func(i int) error {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
		return unix.Sendto(raw, datagram(from, phoneSide, options(from, i, "phone")), 0, to)
	}); err != nil {
		return fmt.Errorf("forged datagrams: %w", err)
	}
	sources, rates := b.metric("drawbridge_acl_sources"), b.metric("drawbridge_acl_rates")
	r.check("what is remembered is bounded", sources <= mostSources && rates > spoofed/2 && rates <= 4*mostSources,
		"%.0f sources, %.0f rates of %d at most, %d were there", sources, rates, 4*mostSources, spoofed)
	bans := b.lines(`deny"`, `"source":"10.`)
	r.check("nobody is banned for one message", len(bans) == 0, "%d bans", len(bans))
	return nil
}

// datagram is an IPv4 packet with UDP in it; the kernel fills in the checksum of the header, and there is none of UDP.
func datagram(from, to netip.AddrPort, body string) []byte {
	const ip, udp = 20, 8
	p := make([]byte, ip+udp, ip+udp+len(body))
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(p[2:], uint16(ip+udp+len(body)))
	src, dst := from.Addr().As4(), to.Addr().As4()
	copy(p[12:], src[:])
	copy(p[16:], dst[:])
	binary.BigEndian.PutUint16(p[ip:], from.Port())
	binary.BigEndian.PutUint16(p[ip+2:], to.Port())
	binary.BigEndian.PutUint16(p[ip+4:], uint16(udp+len(body)))
	return append(p, body...)
}
