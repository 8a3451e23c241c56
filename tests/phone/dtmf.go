package phone

import "encoding/binary"

const eventKeys = "0123456789*#ABCD"

// digit is one RFC 4733 event: every packet of it has the same timestamp.
type digit struct {
	key      byte
	ts       uint32
	marker   bool // its first packet had the marker
	packets  int
	ends     int
	duration uint16
}

// event takes one telephone-event packet.
func (m *Media) event(ts uint32, marker bool, payload []byte) {
	if len(payload) < 4 || int(payload[0]) >= len(eventKeys) {
		m.odd++
		return
	}
	if n := len(m.digits); n == 0 || m.digits[n-1].ts != ts {
		m.digits = append(m.digits, digit{key: eventKeys[payload[0]], ts: ts, marker: marker})
	}
	d := &m.digits[len(m.digits)-1]
	d.packets++
	d.duration = binary.BigEndian.Uint16(payload[2:])
	if payload[1]&0x80 != 0 {
		d.ends++
	}
}

// Digits are the keys heard so far whose end has come, in order, each as often as it came.
func (m *Media) Digits() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []byte
	for _, d := range m.digits {
		if d.ends > 0 {
			keys = append(keys, d.key)
		}
	}
	return string(keys)
}

// Tones are the keys whose tones were in the voice so far, in order.
func (m *Media) Tones() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(m.pressed)
}

// Malformed names what is wrong with the shape of the digits: a first packet without marker, fewer than three end packets, or a duration
// far from that of a key press of ms at 8000 Hz. "" means nothing.
func (m *Media) Malformed(ms int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.digits {
		played := int(d.duration) / (rate / 1000)
		switch {
		case !d.marker:
			return "digit " + string(d.key) + " begins without marker"
		case d.ends != 3:
			return "digit " + string(d.key) + " has not three end packets"
		case played < ms/2 || played > ms*2:
			return "digit " + string(d.key) + " has a wrong duration"
		}
	}
	return ""
}
