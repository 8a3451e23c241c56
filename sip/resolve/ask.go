package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

var errNoServer = errors.New("no server is known")

// ask puts one question to the servers, in order and twice, until one answers. Errors: ErrSilent.
func (r *Resolver) ask(ctx context.Context, q question) (records, time.Duration, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.name), q.kind)
	m.SetEdns0(1232, false)
	why := errNoServer
	for range 2 {
		for _, server := range r.set.Load().servers {
			if ctx.Err() != nil {
				return records{}, 0, fmt.Errorf("%w: %w", ErrSilent, ctx.Err())
			}
			in, err := r.once(ctx, m, server)
			if err == nil {
				rec, ttl := read(in, q)
				return rec, ttl, nil
			}
			why = err
		}
	}
	return records{}, 0, fmt.Errorf("%w: %w", ErrSilent, why)
}

// once asks one server. What answers something else, or that it cannot answer, has not answered.
func (r *Resolver) once(ctx context.Context, m *dns.Msg, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, serverLimit)
	defer cancel()
	m = m.Copy()
	m.Id = dns.Id()
	in, err := r.exchange(ctx, m, server)
	switch {
	case err != nil:
		return nil, err
	case len(in.Question) != 1 || !strings.EqualFold(in.Question[0].Name, m.Question[0].Name) || in.Question[0].Qtype != m.Question[0].Qtype:
		return nil, fmt.Errorf("%w: another question", ErrSilent)
	case in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("%w: %s", ErrSilent, dns.RcodeToString[in.Rcode])
	}
	return in, nil
}

// exchange asks over UDP, and over TCP when the answer did not fit.
func exchange(ctx context.Context, m *dns.Msg, server string) (*dns.Msg, error) {
	udp := dns.Client{Net: "udp", Timeout: serverLimit}
	in, _, err := udp.ExchangeContext(ctx, m, server)
	if err != nil || !in.Truncated {
		return in, err
	}
	tcp := dns.Client{Net: "tcp", Timeout: serverLimit}
	in, _, err = tcp.ExchangeContext(ctx, m, server)
	return in, err
}

// read takes the records of one kind out of an answer, behind its aliases, and how long they are good.
func read(in *dns.Msg, q question) (records, time.Duration) {
	name, ttl := dns.Fqdn(q.name), uint32(maxTTL/time.Second)
	for range maxAliases {
		alias := find[*dns.CNAME](in, name)
		if alias == nil {
			break
		}
		name, ttl = alias.Target, min(ttl, alias.Hdr.Ttl)
	}
	var rec records
	found := false
	for _, rr := range in.Answer {
		if rr.Header().Rrtype == q.kind && strings.EqualFold(rr.Header().Name, name) && rec.add(rr) {
			found, ttl = true, min(ttl, rr.Header().Ttl)
		}
	}
	if !found {
		return records{}, negativeTTL(in)
	}
	rec.srv = foremost(rec.srv)
	return rec, max(minTTL, time.Duration(ttl)*time.Second)
}

// find returns the first record of a type that a name owns.
func find[T dns.RR](in *dns.Msg, name string) (none T) {
	for _, rr := range in.Answer {
		if t, ok := rr.(T); ok && strings.EqualFold(rr.Header().Name, name) {
			return t
		}
	}
	return none
}

// add keeps a record, as many as anybody has in earnest. false: it is none that leads anywhere.
func (rec *records) add(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.A:
		return rec.addAddr(rr.A)
	case *dns.AAAA:
		return rec.addAddr(rr.AAAA)
	case *dns.SRV:
		rec.srv = append(rec.srv, srv{rr.Priority, rr.Weight, rr.Port, canonical(rr.Target)})
		return true
	case *dns.NAPTR:
		if !strings.EqualFold(rr.Flags, "s") || len(rec.naptr) >= maxHops {
			return false
		}
		rec.naptr = append(rec.naptr, naptr{rr.Order, rr.Preference, strings.ToUpper(rr.Service), canonical(rr.Replacement)})
		return true
	}
	return false
}

func (rec *records) addAddr(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	if !ok || len(rec.addrs) >= maxHops {
		return false
	}
	rec.addrs = append(rec.addrs, a.Unmap())
	return true
}

func canonical(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// negativeTTL is how long "there is none" is good (RFC 2308 section 5).
func negativeTTL(in *dns.Msg) time.Duration {
	for _, rr := range in.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			ttl := time.Duration(min(soa.Minttl, soa.Hdr.Ttl)) * time.Second
			return min(max(ttl, minTTL), maxNegative)
		}
	}
	return minTTL
}

func joinPort(host, port string) string { return net.JoinHostPort(host, port) }
