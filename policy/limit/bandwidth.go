package limit

// Bytes around the audio of a packet: IPv4 20, UDP 8, RTP 12 (RFC 791, 768, 3550); the tag of SRTP (RFC 3711 section 4.2.1).
const (
	headers = 20 + 8 + 12
	tag     = 10
)

// bitrates of codecs in bits a second. Opus is what the gateway sends by default, and what browsers do.
var bitrates = map[string]int{"PCMU": 64_000, "PCMA": 64_000, "G722": 64_000, "opus": 40_000}

// StreamRate is the bits a second in one direction, IPv4 headers included, of a codec in packets of ptime milliseconds (0 is 20). What is
// not known counts as G.711.
func StreamRate(codec string, ptime int, secure bool) int {
	if ptime <= 0 {
		ptime = 20
	}
	bits, known := bitrates[codec]
	if !known {
		bits = bitrates["PCMA"]
	}
	around := headers
	if secure {
		around += tag
	}
	return bits + around*8*1000/ptime
}
