package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"drawbridge/tests/gateway"
)

// What is offered to learn the price of a 503. The INVITEs have no hop left: those that get in are refused with 483 after policy and a
// call record, at a price that the busy stage tells. It has to be near what the gateway can do: an event costs less when many come at once.
const (
	busyRate  = 15_000
	floodRate = 40_000
	floodTime = 6 * time.Second
)

// invites offers INVITEs and acknowledges what comes back, as a caller that has too many calls.
type invites struct {
	conn    *net.UDPConn
	answers atomic.Int64
	ended   sync.WaitGroup
}

func openInvites() (*invites, error) {
	local := netip.AddrPortFrom(netip.MustParseAddr(callerHost), 5070)
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(local), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(gatewayWest)))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(4 << 20) // less will do
	v := &invites{conn: conn}
	v.ended.Go(v.acknowledge)
	return v, nil
}

func (v *invites) close() {
	v.conn.Close()
	v.ended.Wait()
}

func request(method, branch, tag string) []byte {
	return fmt.Appendf(nil, "%[1]s sip:+4930222@%[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s:5070;branch=%[4]s\r\n"+
		"From: <sip:+4930111@carrier.test>;tag=f%[4]s\r\nTo: <sip:+4930222@%[2]s>%[5]s\r\nCall-ID: c%[4]s\r\nCSeq: 1 %[1]s\r\n"+
		"Contact: <sip:phone@%[3]s:5070>\r\nMax-Forwards: 0\r\nContent-Length: 0\r\n\r\n", method, gatewayWest, callerHost, branch, tag)
}

// acknowledge sends the ACK that every final response is owed.
func (v *invites) acknowledge() {
	buf := make([]byte, 4096)
	for {
		n, err := v.conn.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 ")) || buf[8] < '3' {
			continue
		}
		v.answers.Add(1)
		_, _ = v.conn.Write(request("ACK", cut(buf[:n], "branch=", ";\r"), ";tag="+cut(buf[bytes.Index(buf[:n], []byte("\r\nTo:"))+2:n], "tag=", ";\r")))
	}
}

// cut is what stands behind a word, up to one of the ends.
func cut(b []byte, word, ends string) string {
	_, rest, _ := bytes.Cut(b, []byte(word))
	if i := bytes.IndexAny(rest, ends); i >= 0 {
		rest = rest[:i]
	}
	return string(rest)
}

// offer sends INVITEs at a rate, in steps of a millisecond.
func (v *invites) offer(ctx context.Context, name string, rate int, length time.Duration) {
	start := time.Now()
	for sent := 0; time.Since(start) < length && pause(ctx, time.Millisecond); {
		for due := int(time.Since(start).Seconds() * float64(rate)); sent < due; sent++ {
			_, _ = v.conn.Write(request("INVITE", fmt.Sprintf("z9hG4bK%s%d", name, sent), "")) // lost like any datagram
		}
	}
}

// price is what a stage has cost.
type price struct {
	cpu                  time.Duration
	admitted, turnedAway float64
}

func (o *ours) price(ctx context.Context, offer func()) (price, error) {
	before, err := o.metrics(ctx)
	if err != nil {
		return price{}, err
	}
	start, err := gateway.CPU(o.pid())
	if err != nil {
		return price{}, err
	}
	offer()
	pause(ctx, time.Second)
	end, err := gateway.CPU(o.pid())
	if err != nil {
		return price{}, err
	}
	after, err := o.metrics(ctx)
	if err != nil {
		return price{}, err
	}
	grown := func(name string) float64 { return after[name] - before[name] }
	return price{end - start, grown("drawbridge_call_attempts_total"), grown("drawbridge_overload_total")}, nil
}

// rejected measures a 503 of a gateway that is late, in parts of what a completed call costs.
func (b *bench) rejected(ctx context.Context, o *ours, msPerCall float64) error {
	v, err := openInvites()
	if err != nil {
		return err
	}
	defer v.close()
	busy, err := o.price(ctx, func() { v.offer(ctx, "busy", busyRate, floodTime) })
	if err != nil {
		return err
	}
	flood, err := o.price(ctx, func() { v.offer(ctx, "flood", floodRate, floodTime) })
	if err != nil {
		return err
	}
	if busy.admitted == 0 || flood.turnedAway == 0 {
		return fmt.Errorf("%.0f INVITEs were refused by policy and %.0f turned away: nothing to compare", busy.admitted, flood.turnedAway)
	}
	refusal := busy.cpu.Seconds() * 1e3 / busy.admitted
	turned := (flood.cpu.Seconds()*1e3 - flood.admitted*refusal) / flood.turnedAway
	share := turned / msPerCall
	fmt.Printf("%.0f INVITEs refused by policy at %.3f ms each; of a flood %.0f let in, %.0f turned away at %.4f ms each, %.1f %% of a call\n",
		busy.admitted, refusal, flood.admitted, flood.turnedAway, turned, 100*share)
	b.verdict.say("rejected", share)
	switch {
	case share <= 0: // the calls let in were charged at more than they cost
		b.verdict.miss("a 503 costs %.1f %% of a call: the price of those let in is wrong, and nothing is shown", 100*share)
	case share > maxRejected:
		b.verdict.miss("a 503 costs %.1f %% of a call, at most %.0f %%", 100*share, 100*maxRejected)
	}
	return nil
}
