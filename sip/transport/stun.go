package transport

import (
	"encoding/binary"
	"net/netip"
)

// What of STUN (RFC 5389) a keepalive on the SIP port needs (RFC 5626 section 3.5.2): a Binding request, and an answer that says where it
// came from. Attributes of the request are not looked at, and the answer has no other: it is less than twice as long as the shortest
// request with their IP and UDP headers, which a forged source may count on.
const (
	stunHeader   = 20
	stunBinding  = 0x0001
	stunSuccess  = 0x0101
	stunCookie   = 0x2112a442
	stunMapped   = 0x0001
	stunXored    = 0x0020
	stunFamily4  = 1
	stunFamily6  = 2
	stunTransact = 4 // where cookie and transaction id begin: the key of the XOR
)

// stunRequest reports whether a datagram is a Binding request, with the cookie or as RFC 3489 had it.
func stunRequest(b []byte) bool {
	return len(b) >= stunHeader && len(b)%4 == 0 && binary.BigEndian.Uint16(b) == stunBinding && int(binary.BigEndian.Uint16(b[2:])) == len(b)-stunHeader
}

// stunAnswer is the success response to a Binding request from an address: XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS for RFC 3489.
func stunAnswer(request []byte, from netip.AddrPort) []byte {
	addr, family := from.Addr().Unmap().AsSlice(), byte(stunFamily4)
	if len(addr) != 4 {
		family = stunFamily6
	}
	kind, port := uint16(stunMapped), from.Port()
	if binary.BigEndian.Uint32(request[stunTransact:]) == stunCookie {
		kind = stunXored
		port ^= stunCookie >> 16
		for i := range addr {
			addr[i] ^= request[stunTransact+i]
		}
	}
	out := binary.BigEndian.AppendUint16(nil, stunSuccess)
	out = binary.BigEndian.AppendUint16(out, uint16(8+len(addr)))
	out = append(out, request[stunTransact:stunHeader]...)
	out = binary.BigEndian.AppendUint16(out, kind)
	out = binary.BigEndian.AppendUint16(out, uint16(4+len(addr)))
	out = append(out, 0, family)
	out = binary.BigEndian.AppendUint16(out, port)
	return append(out, addr...)
}
