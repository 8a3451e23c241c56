package b2bua

import (
	"drawbridge/sip/wire"
	"drawbridge/telemetry"
	"drawbridge/topology"
)

// Cause is the one reason a call ends. It becomes the final response or BYE of each leg, the Reason header and the CDR.
type Cause = telemetry.Cause

// Who ended the call.
const (
	byCaller  = "a"
	byCallee  = "b"
	byGateway = "gateway"
)

// The causes that are the gateway's own. Statuses from peers go through failure.
var (
	causeCancelled   = Cause{SIP: 487, Q850: 16, Text: "caller cancelled", By: byCaller}
	causeElsewhere   = Cause{SIP: 200, Q850: 26, Text: "call completed elsewhere", By: byGateway}
	causeAbandoned   = Cause{SIP: 487, Q850: 31, Text: "branch abandoned", By: byGateway}
	causeNoAnswer    = Cause{SIP: 480, Q850: 19, Text: "no answer", By: byGateway}
	causeNoMedia     = Cause{SIP: 503, Q850: 34, Text: "no media resources", By: byGateway}
	causeNoAck       = Cause{SIP: 408, Q850: 102, Text: "no ACK", By: byGateway}
	causeNoPrack     = Cause{SIP: 504, Q850: 102, Text: "no PRACK", By: byGateway}
	causeUnreserved  = Cause{SIP: 580, Q850: 47, Text: "preconditions not met", By: byGateway}
	causeExpired     = Cause{SIP: 408, Q850: 102, Text: "session expired", By: byGateway}
	causeLost        = Cause{SIP: 408, Q850: 27, Text: "signalling connection lost", By: byGateway}
	causeDraining    = Cause{SIP: 503, Q850: 41, Text: "gateway stopping", By: byGateway}
	causeInternal    = Cause{SIP: 500, Q850: 41, Text: "internal", By: byGateway}
	causeMisruled    = Cause{SIP: 500, Q850: 41, Text: "rules", By: byGateway}
	causeTransferred = Cause{SIP: 200, Q850: 16, Text: "call transferred", By: byGateway}
	causeRing        = Cause{SIP: 482, Q850: 25, Text: "transferred in a circle", By: byGateway}
	causeInactive    = Cause{SIP: 408, Q850: 41, Text: "media-inactivity", By: byGateway}
	causeFraud       = Cause{SIP: 403, Q850: 21, Text: "policy", By: byGateway}
	causeBadAnswer   = Cause{SIP: 488, Q850: 88, Text: "unusable answer", By: byGateway}
)

// mediaFailed is what media has said of a leg as a cause.
func mediaFailed(why string) Cause {
	switch why {
	case "fingerprint": // whoever answers there is not who the SDP has spoken of
		return Cause{SIP: 488, Q850: topology.Q850(488), Text: why, By: byGateway}
	case causeInactive.Text:
		return causeInactive
	}
	return Cause{SIP: 500, Q850: 41, Text: "media failed: " + why, By: byGateway}
}

// normal is a hang-up of a confirmed call.
func normal(by string) Cause {
	return Cause{Q850: topology.CauseNormal, Text: "normal call clearing", By: by}
}

// failure is a final SIP status as a cause.
func failure(status int, by string) Cause {
	return Cause{SIP: status, Q850: topology.Q850(status), Text: wire.ReasonPhrase(status), By: by}
}

// sideOf names a leg's side as CDRs do.
func sideOf(leg LegID) string {
	if leg == legA {
		return byCaller
	}
	return byCallee
}

// reason is the Reason value of a cause.
func reason(c Cause) string { return topology.Reason(c.SIP, c.Q850, c.Text) }

// reason is the Reason value of a cause as the party's profile wants it, "" when it wants none.
func (p *Party) reason(c Cause) string {
	if p.Profile == nil {
		return reason(c)
	}
	return topology.ReasonAs(p.Profile.Cause.Reason, c.SIP, c.Q850, c.Text)
}

func addReason(m *wire.Message, value string) {
	if value != "" {
		m.Add("Reason", value)
	}
}

// failed is the final response of a party as a cause: read by its profile's table, else by RFC 3398. What it says in Q.850 wins over both
// (RFC 6432).
func (p *Party) failed(m *wire.Message, by string) Cause {
	status, cause := p.Profile.Heard(m.Status)
	c := failure(status, by)
	if cause != 0 {
		c.Q850 = cause
	}
	if cause, ok := topology.CauseOf(m.Values("Reason")); ok {
		c.Q850 = cause
	}
	return c
}

// givenUp is a CANCEL of the caller as a cause. That somebody else has answered is passed on.
func givenUp(reasons []string) Cause {
	c := causeCancelled
	if topology.Elsewhere(reasons) {
		c.Q850, c.Text = topology.CauseElsewhere, causeElsewhere.Text
	}
	return c
}

// cancelReason is the Reason of our CANCEL. RFC 3326 section 3.1 knows an answer elsewhere as 200; that is told whatever the profile says.
func (p *Party) cancelReason(c Cause) string {
	if c.Q850 == topology.CauseElsewhere {
		c.SIP = 200
		return reason(c)
	}
	return p.reason(c)
}

// byeCause reads why the peer hung up.
func byeCause(m *wire.Message, by string) Cause {
	c := normal(by)
	if cause, ok := topology.CauseOf(m.Values("Reason")); ok {
		c.Q850 = cause
	}
	return c
}

func withSide(c Cause, id LegID) Cause {
	c.By = sideOf(id)
	return c
}
