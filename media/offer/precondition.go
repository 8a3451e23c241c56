package offer

import "strings"

// qos is what the audio line says of QoS preconditions (RFC 3312, RFC 4032), as the peer sees it. Our own side is always ready: its ports
// are open before an SDP is written. The state ends at the border, because nobody behind us could know what it means.
type qos struct {
	on      bool
	theirs  string // what the peer has reserved
	needs   string // what it must have reserved before anybody rings
	confirm bool   // it wants to be told when we have
}

// statuses are the direction tags of RFC 3312 section 4, in the words of the writer, and of whoever writes back.
var statuses = []struct{ tag, mirrored string }{{"none", "none"}, {"send", "recv"}, {"recv", "send"}, {"sendrecv", "sendrecv"}}

// take reads the value of a curr, des or conf attribute. What is end to end ends here too.
func (q *qos) take(key, value string) {
	f := strings.Fields(value)
	if len(f) < 3 || f[0] != "qos" {
		return
	}
	own, tag := f[len(f)-2] != "remote", mirrored(mirrored(f[len(f)-1])) // our own copy: the peer's text is not kept
	if tag == "" {
		return
	}
	switch {
	case key == "curr" && own:
		q.on, q.theirs = true, tag
	case key == "des" && own && f[1] == "mandatory":
		q.on, q.needs = true, tag
	case key == "conf" && f[1] != "local":
		q.confirm = true
	}
}

// waits reports whether the peer has yet to reserve what it needs.
func (q qos) waits() bool {
	for _, way := range []string{"send", "recv"} {
		if strings.Contains(q.needs, way) && !strings.Contains(q.theirs, way) {
			return true
		}
	}
	return false
}

// write adds our side of it: ready, and a wish to hear of the peer's when it is not.
func (q qos) write(b []byte) []byte {
	if !q.on {
		return b
	}
	theirs, strength := mirrored(q.theirs), "none"
	if theirs == "" {
		theirs = "none"
	}
	if q.needs != "" && q.needs != "none" {
		strength = "mandatory"
	}
	b = attribute(b, "curr", "qos local sendrecv")
	b = attribute(b, "curr", "qos remote ", theirs)
	b = attribute(b, "des", "qos mandatory local sendrecv")
	b = attribute(b, "des", "qos ", strength, " remote sendrecv")
	if q.waits() {
		b = attribute(b, "conf", "qos remote sendrecv")
	}
	return b
}

// mirrored is a tag as the other side writes it, "" for what is no tag.
func mirrored(tag string) string {
	for _, s := range statuses {
		if s.tag == tag {
			return s.mirrored
		}
	}
	return ""
}

// Waits reports whether the peer has yet to reserve what it needs before anybody rings; it will say so in its next offer.
func (m *Machine) Waits() bool {
	m.wake()
	return m.agreed.qos.waits()
}

// Confirms reports whether the peer wants an offer of ours that says that we are ready.
func (m *Machine) Confirms() bool {
	m.wake()
	return m.agreed.qos.confirm
}
