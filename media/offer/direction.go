package offer

// String is the attribute name of RFC 8866 section 6.7.
func (d Direction) String() string {
	switch d {
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	default:
		return "sendrecv"
	}
}

// Sends reports whether the writer of the SDP wants to send.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Recvs reports whether the writer of the SDP wants to receive.
func (d Direction) Recvs() bool { return d == SendRecv || d == RecvOnly }

// parseDirection reads an attribute name.
func parseDirection(attr string) (Direction, bool) {
	switch attr {
	case "sendrecv":
		return SendRecv, true
	case "sendonly":
		return SendOnly, true
	case "recvonly":
		return RecvOnly, true
	case "inactive":
		return Inactive, true
	}
	return SendRecv, false
}

// directionOf builds a Direction from its two halves.
func directionOf(sends, recvs bool) Direction {
	switch {
	case sends && recvs:
		return SendRecv
	case sends:
		return SendOnly
	case recvs:
		return RecvOnly
	default:
		return Inactive
	}
}

// Answer is the direction that answers an offer: what we would like, as far as the offer leaves room for it (RFC 3264 section 6.1).
func (d Direction) Answer(like Direction) Direction {
	return directionOf(d.Recvs() && like.Sends(), d.Sends() && like.Recvs())
}

// withoutRecv is what c=0.0.0.0 makes of a direction: the old hold of RFC 2543, whose peer may still send.
func (d Direction) withoutRecv() Direction { return directionOf(d.Sends(), false) }
