package light

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// ErrNoCheck: no check was answered.
var ErrNoCheck = errors.New("light: no connectivity check was answered")

const checkEvery = 100 * time.Millisecond

// Check sends connectivity checks that nominate until one is answered by who has the credentials of the answer.
func (c *Client) Check(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	sent := map[[stun.TransactionIDSize]byte]bool{}
	for {
		id, err := c.check()
		if err != nil {
			return err
		}
		sent[id] = true
		for waiting := true; waiting; {
			select {
			case b := <-c.checks:
				if c.succeeded(b, sent) {
					return nil
				}
			case <-tick.C:
				waiting = false
			case <-ctx.Done():
				return errors.Join(ErrNoCheck, ctx.Err())
			}
		}
	}
}

// succeeded reports whether b answers one of the checks that were sent.
func (c *Client) succeeded(b []byte, sent map[[stun.TransactionIDSize]byte]bool) bool {
	var m stun.Message
	return stun.Decode(b, &m) == nil && m.Type == stun.BindingSuccess && sent[m.TransactionID] &&
		stun.NewShortTermIntegrity(c.Remote().Pwd).Check(&m) == nil
}

// Consent sends one check and waits for nothing.
func (c *Client) Consent() error {
	_, err := c.check()
	return err
}

func (c *Client) check() (id [stun.TransactionIDSize]byte, err error) {
	tie := make([]byte, 8)
	binary.BigEndian.PutUint64(tie, rand.Uint64())
	p := c.path.Load()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(p.remote.Ufrag+":"+p.ours.ufrag),
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x7e, 0, 0x1e, 0xff}},
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: tie},
		stun.RawAttribute{Type: stun.AttrUseCandidate},
		stun.NewShortTermIntegrity(p.remote.Pwd), stun.Fingerprint)
	if err != nil {
		return id, err
	}
	return m.TransactionID, c.Write(m.Raw)
}

// stun takes a STUN message: the answer to a check of ours, or a check of a full agent, which is answered.
func (c *Client) stun(b []byte, from netip.AddrPort) {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if m.Decode() != nil {
		return
	}
	if m.Type != stun.BindingRequest {
		queue(c.checks, m.Raw)
		return
	}
	answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: from.Addr().Unmap().AsSlice(), Port: int(from.Port())}, stun.NewShortTermIntegrity(c.path.Load().ours.pwd), stun.Fingerprint)
	if err == nil {
		_, _ = c.conn.WriteToUDPAddrPort(answer.Raw, from) // a lost answer is asked for again
	}
}
