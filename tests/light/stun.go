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

// Check sends connectivity checks that nominate until one is answered.
func (c *Client) Check(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		if err := c.Consent(); err != nil {
			return err
		}
		select {
		case b := <-c.checks:
			var m stun.Message
			if stun.Decode(b, &m) == nil && m.Type == stun.BindingSuccess {
				return nil
			}
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ErrNoCheck, ctx.Err())
		}
	}
}

// Consent sends one check and waits for nothing.
func (c *Client) Consent() error {
	tie := make([]byte, 8)
	binary.BigEndian.PutUint64(tie, rand.Uint64())
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.remote.Ufrag+":"+c.ufrag),
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x7e, 0, 0x1e, 0xff}},
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: tie},
		stun.RawAttribute{Type: stun.AttrUseCandidate},
		stun.NewShortTermIntegrity(c.remote.Pwd), stun.Fingerprint)
	if err != nil {
		return err
	}
	return c.Write(m.Raw)
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
		&stun.XORMappedAddress{IP: from.Addr().Unmap().AsSlice(), Port: int(from.Port())}, stun.NewShortTermIntegrity(c.pwd), stun.Fingerprint)
	if err == nil {
		_, _ = c.conn.WriteToUDPAddrPort(answer.Raw, from) // a lost answer is asked for again
	}
}
