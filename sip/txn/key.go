package txn

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"strings"

	"drawbridge/sip/wire"
)

// key stands for identifiers that a peer chose. Two hashes under secret seeds make 128 bits, so a peer can neither aim at another's
// entry nor choose the layout of a map, and no part of the message stays in memory.
type key [2]uint64

// keyer makes keys; one for a core.
type keyer [2]maphash.Seed

func newKeyer() keyer { return keyer{maphash.MakeSeed(), maphash.MakeSeed()} }

// hasher writes length-prefixed parts into both hashes.
type hasher [2]maphash.Hash

func (kr *keyer) start(h *hasher) {
	h[0].SetSeed(kr[0])
	h[1].SetSeed(kr[1])
}

func (h *hasher) str(s string) {
	h.num(uint64(len(s)))
	h[0].WriteString(s)
	h[1].WriteString(s)
}

func (h *hasher) num(n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h[0].Write(b[:])
	h[1].Write(b[:])
}

func (h *hasher) addr(a netip.AddrPort) {
	b := a.Addr().As16()
	h[0].Write(b[:])
	h[1].Write(b[:])
	h.num(uint64(a.Port()))
}

func (h *hasher) flow(k FlowKey) {
	h.str(k.Realm)
	h.num(k.ID)
	h.addr(k.Local)
	h.addr(k.Remote)
}

func (h *hasher) sum() key { return key{h[0].Sum64(), h[1].Sum64()} }

// server is what a request is matched by (RFC 3261 section 17.2.3): flow, branch, sent-by and method, where ACK and CANCEL look for
// their INVITE. The flow is part of it, so an ACK or CANCEL from elsewhere matches nothing. It is taken before received and rport
// are filled in.
func (kr *keyer) server(f Flow, m *wire.Message) key {
	via := &m.Via[0]
	method, branch := m.Method, via.Params.Get("branch")
	if method == wire.ACK || method == wire.CANCEL {
		method = wire.INVITE
	}
	var h hasher
	kr.match(&h, f.Key(), method, via.Host, via.Port, branch)
	if !strings.HasPrefix(branch, cookie) {
		kr.legacy(&h, m)
	}
	return h.sum()
}

// client is what a response is matched by (RFC 3261 section 17.1.3), for relics.
func (kr *keyer) client(k clientKey) key {
	var h hasher
	kr.start(&h)
	h.str("client")
	h.str(k.branch)
	h.str(string(k.method))
	return h.sum()
}

// glanced is the same for an INVITE whose branch is unique.
func (kr *keyer) glanced(k FlowKey, g *wire.Glance) key {
	var h hasher
	kr.match(&h, k, g.Method, g.Host, g.Port, g.Branch)
	return h.sum()
}

func (kr *keyer) match(h *hasher, k FlowKey, method wire.Method, host string, port int, branch string) {
	kr.start(h)
	h.flow(k)
	h.str(string(method))
	h.str(host)
	h.num(uint64(port))
	h.str(branch)
}

// legacy adds what RFC 2543 matches by when the branch is not unique. The To tag is left out: an ACK has one where its INVITE has none.
func (kr *keyer) legacy(h *hasher, m *wire.Message) {
	h.str(m.URI.String())
	h.str(m.CallID)
	h.str(m.FromTag())
	h.num(uint64(m.CSeq.Seq))
}

// request tells merged requests (RFC 3261 section 8.2.2.2): Call-ID, From tag and CSeq.
func (kr *keyer) request(m *wire.Message) key {
	var h hasher
	kr.start(&h)
	h.str(m.CallID)
	h.str(m.FromTag())
	h.num(uint64(m.CSeq.Seq))
	h.str(string(m.Method))
	return h.sum()
}

// spread hashes foreign identifiers for the choice of a shard.
func (kr *keyer) spread(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(kr[0])
	for _, p := range parts {
		h.WriteString(p)
		h.WriteByte(0)
	}
	return h.Sum64()
}
