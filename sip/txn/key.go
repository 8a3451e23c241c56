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

// identity is what a key is made of: parts, each behind its length.
type identity []byte

// identityRoom is for most of them. Chosen here.
const identityRoom = 320

func (id identity) str(s string) identity { return append(id.num(uint64(len(s))), s...) }

func (id identity) num(n uint64) identity { return binary.LittleEndian.AppendUint64(id, n) }

func (id identity) addr(a netip.AddrPort) identity {
	b := a.Addr().As16()
	return append(id, b[:]...).num(uint64(a.Port()))
}

func (id identity) flow(k FlowKey) identity {
	return id.str(k.Realm).num(k.ID).addr(k.Local).addr(k.Remote)
}

// match is what tells a request from others by the way it came and its topmost Via.
func (id identity) match(k FlowKey, method wire.Method, host string, port int, branch string) identity {
	return id.flow(k).str(string(method)).str(host).num(uint64(port)).str(branch)
}

// request is Call-ID, From tag and CSeq number.
func (id identity) request(m *wire.Message) identity {
	return id.str(m.CallID).str(m.FromTag()).num(uint64(m.CSeq.Seq))
}

// of hashes an identity.
func (kr *keyer) of(id identity) key { return key{maphash.Bytes(kr[0], id), maphash.Bytes(kr[1], id)} }

// server is what a request is matched by (RFC 3261 section 17.2.3): flow, branch, sent-by and method, where ACK and CANCEL look for
// their INVITE. The flow is part of it, so an ACK or CANCEL from elsewhere matches nothing. It is taken before received and rport
// are filled in. When the branch is not unique, what RFC 2543 matches by is added, but for the To tag: an ACK has one where its INVITE has
// none.
func (kr *keyer) server(f Flow, m *wire.Message) key {
	via := &m.Via[0]
	method, branch := m.Method, via.Params.Get("branch")
	if method == wire.ACK || method == wire.CANCEL {
		method = wire.INVITE
	}
	var room [identityRoom]byte
	id := identity(room[:0]).match(f.Key(), method, via.Host, via.Port, branch)
	if !strings.HasPrefix(branch, cookie) {
		id = id.str(m.URI.String()).request(m)
	}
	return kr.of(id)
}

// client is what a response is matched by (RFC 3261 section 17.1.3), for relics.
func (kr *keyer) client(k clientKey) key {
	var room [identityRoom]byte
	return kr.of(identity(room[:0]).str("client").str(k.branch).str(string(k.method)))
}

// glanced is the same as server for an INVITE whose branch is unique.
func (kr *keyer) glanced(k FlowKey, g *wire.Glance) key {
	var room [identityRoom]byte
	return kr.of(identity(room[:0]).match(k, g.Method, g.Host, g.Port, g.Branch))
}

// request tells merged requests (RFC 3261 section 8.2.2.2): Call-ID, From tag and CSeq.
func (kr *keyer) request(m *wire.Message) key {
	var room [identityRoom]byte
	return kr.of(identity(room[:0]).request(m).str(string(m.Method)))
}

// spread hashes foreign identifiers for the choice of a shard.
func (kr *keyer) spread(parts ...string) uint64 {
	var room [identityRoom]byte
	b := room[:0]
	for _, p := range parts {
		b = append(append(b, p...), 0)
	}
	return maphash.Bytes(kr[0], b)
}
