package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// sourceOf is what limits are counted by: an IPv4 address, or the /64 that one IPv6 customer has.
func sourceOf(a net.Addr) netip.Prefix {
	ip := addrPort(a).Addr().Unmap()
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // not an IP socket: one source for all
	}
	return p
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// remoteOf returns the peer's address; net/http has put it there itself.
func remoteOf(r *http.Request) netip.AddrPort {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// localOf returns the listener-side address of the connection.
func localOf(r *http.Request) netip.AddrPort {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.AddrPort{}
	}
	return addrPort(a)
}

// isLoopbackHost tells whether a Host header names this machine itself: localhost, a name below it, or a loopback address.
func isLoopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// bucket is a token bucket that starts full. The zero value is ready.
type bucket struct {
	used float64 // tokens taken and not yet refilled
	at   time.Time
}

// level refills the bucket to now and returns the tokens missing from a full one.
func (b *bucket) level(now time.Time, perSecond float64) float64 {
	if d := now.Sub(b.at); d > 0 {
		b.used = max(0, b.used-d.Seconds()*perSecond)
		b.at = now
	}
	return b.used
}

// take takes one token if there is one.
func (b *bucket) take(now time.Time, perSecond float64, burst int) bool {
	if b.level(now, perSecond) > float64(burst)-1 {
		return false
	}
	b.used++
	return true
}

// failures counts failed hellos by source. Right passwords cost nothing.
type failures struct {
	mu    sync.Mutex
	by    map[netip.Prefix]*bucket
	swept time.Time
}

func (f *failures) rate() float64 { return 1 / failEvery.Seconds() }

// blocked tells whether the source has used up its failures. Its password is then not looked at.
func (f *failures) blocked(src netip.Prefix, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.by[src]
	return b != nil && b.level(now, f.rate()) > failBurst-1
}

// add counts one failure.
func (f *failures) add(src netip.Prefix, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sweep(now)
	b := f.by[src]
	if b == nil {
		if f.by == nil {
			f.by = make(map[netip.Prefix]*bucket)
		}
		b = &bucket{at: now}
		f.by[src] = b
	}
	b.level(now, f.rate())
	b.used = min(b.used+1, failBurst)
}

// sweep forgets the forgiven, at most once a minute.
func (f *failures) sweep(now time.Time) {
	if now.Sub(f.swept) < time.Minute {
		return
	}
	f.swept = now
	for src, b := range f.by {
		if b.level(now, f.rate()) == 0 {
			delete(f.by, src)
		}
	}
}
