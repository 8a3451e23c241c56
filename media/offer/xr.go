package offer

import "strings"

// XR is what becomes of VoIP metrics (RFC 3611 section 4.7) on an RTP leg.
type XR uint8

const (
	XRAsked XR = iota // sent to a peer whose SDP asks for them; our SDP does not ask
	XROn              // always sent, and asked for
	XROff             // never sent
)

// sends tells whether the peer gets metrics; asked is what its SDP says.
func (x XR) sends(asked bool) bool { return x == XROn || x == XRAsked && asked }

// voipMetrics is the format of a=rtcp-xr that asks for them (RFC 3611 section 5.1).
const voipMetrics = "voip-metrics"

// asksForXR reads a=rtcp-xr: formats with a space between, each perhaps with a value.
func asksForXR(value string) bool {
	for _, format := range strings.Fields(value) {
		if name, _, _ := strings.Cut(format, "="); strings.EqualFold(name, voipMetrics) {
			return true
		}
	}
	return false
}
