package b2bua

import (
	"strings"

	"drawbridge/sip/wire"
)

// unpack puts the session description of a multipart body where every reader of the message looks for it. The other parts end here, as
// every body does that this side of the border cannot read. The status is 0, 400 for what is no multipart, or 415 when the sender insists
// on a part that would be lost (RFC 3261 section 20.11, RFC 5621 section 3.1).
func unpack(m *wire.Message) (status int) {
	if !strings.HasPrefix(m.MediaType(), "multipart/") {
		return 0
	}
	parts, err := wire.Parts(m.ContentType, m.Body)
	if err != nil {
		return 400
	}
	var sdp *wire.Part
	for i := range parts {
		switch p := &parts[i]; {
		case sdp == nil && p.MediaType() == sdpType && p.Encoding == "":
			sdp = p
		case p.Required():
			return 415
		}
	}
	if sdp == nil {
		return 415
	}
	m.ContentType, m.Body = sdpType, sdp.Body
	return 0
}
