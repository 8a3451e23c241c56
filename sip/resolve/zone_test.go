package resolve

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zone is a DNS of records as master files write them; what it does not hold is answered NXDOMAIN.
type zone struct {
	mu     sync.Mutex
	rrs    []dns.RR
	mute   map[string]bool // "name TYPE" that is never answered; "" is everything
	rcode  map[string]int
	asked  []string
	answer time.Duration // how long an answer takes
}

func newZone(t testing.TB, lines ...string) *zone {
	z := &zone{mute: map[string]bool{}, rcode: map[string]int{}}
	z.add(t, lines...)
	return z
}

func (z *zone) add(t testing.TB, lines ...string) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			t.Fatal(err)
		}
		z.rrs = append(z.rrs, rr)
	}
}

func (z *zone) clear() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.rrs = nil
}

func (z *zone) silence(keys ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.mute = map[string]bool{}
	for _, k := range keys {
		z.mute[k] = true
	}
}

// take returns the questions since, as "name TYPE".
func (z *zone) take() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	out := z.asked
	z.asked = nil
	return out
}

func keyOf(m *dns.Msg) string {
	q := m.Question[0]
	return strings.TrimSuffix(q.Name, ".") + " " + dns.TypeToString[q.Qtype]
}

var errMute = errors.New("timeout")

func (z *zone) exchange(ctx context.Context, m *dns.Msg, _ string) (*dns.Msg, error) {
	z.mu.Lock()
	key := keyOf(m)
	z.asked = append(z.asked, key)
	mute, delay := z.mute[key] || z.mute[""], z.answer
	z.mu.Unlock()
	if mute {
		<-ctx.Done()
		return nil, errMute
	}
	select { // in virtual time
	case <-time.After(delay):
		return z.reply(m), nil
	case <-ctx.Done():
		return nil, errMute
	}
}

func (z *zone) reply(m *dns.Msg) *dns.Msg {
	z.mu.Lock()
	defer z.mu.Unlock()
	out := new(dns.Msg)
	out.SetReply(m)
	name := m.Question[0].Name
	for range 3 {
		for _, rr := range z.rrs {
			if strings.EqualFold(rr.Header().Name, name) && (rr.Header().Rrtype == m.Question[0].Qtype || rr.Header().Rrtype == dns.TypeCNAME) {
				out.Answer = append(out.Answer, dns.Copy(rr))
			}
		}
		if len(out.Answer) == 0 {
			break
		}
		alias, ok := out.Answer[len(out.Answer)-1].(*dns.CNAME)
		if !ok {
			break
		}
		name = alias.Target
	}
	if len(out.Answer) == 0 {
		out.Rcode = dns.RcodeNameError
	}
	if rcode, ok := z.rcode[keyOf(m)]; ok {
		out.Rcode, out.Answer = rcode, nil
	}
	return out
}
