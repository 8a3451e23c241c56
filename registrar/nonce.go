package registrar

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"
)

// A nonce is 8 bytes of time, 8 random bytes and a MAC over both, the realm and the peer's address: the gateway keeps nothing for a
// challenge it has sent (RFC 7616 section 3.3).
const (
	nonceBody = 16
	nonceMAC  = 16
)

type nonces struct {
	key   []byte
	realm string
}

func (n nonces) mint(peer netip.Addr, now time.Time) string {
	b := make([]byte, nonceBody, nonceBody+nonceMAC)
	binary.BigEndian.PutUint64(b, uint64(now.Unix()))
	_, _ = rand.Read(b[8:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(append(b, n.mac(b, peer)...))
}

// check tells whether we minted the nonce for this peer, and whether it is still fresh.
func (n nonces) check(nonce string, peer netip.Addr, now time.Time) (ours, fresh bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != nonceBody+nonceMAC || !hmac.Equal(b[nonceBody:], n.mac(b[:nonceBody], peer)) {
		return false, false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(b)), 0))
	return true, age >= -time.Second && age <= nonceLife
}

func (n nonces) mac(body []byte, peer netip.Addr) []byte {
	h := hmac.New(sha256.New, n.key)
	h.Write(body)
	h.Write([]byte(n.realm))
	addr := peer.Unmap().As16()
	h.Write(addr[:])
	return h.Sum(nil)[:nonceMAC]
}

// noPeer is the address of nobody.
var noPeer netip.Addr
