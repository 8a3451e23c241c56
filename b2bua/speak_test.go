package b2bua

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"drawbridge/sip/wire"
)

// options are the words behind a message.
type options struct {
	dir, method, tag, from string
	frag                   string
	user, hops, port, hold string
	qos, cseq, keys, ice   string
	nosdp, keep            bool
	sips, forwarded        bool
	args                   []string
	contacts, routes       []wire.Addr
	headers                []wire.Field
	body, expires, to      string
}

func parseOptions(words []string) options {
	var o options
	for _, w := range words {
		name, value, isHeader := strings.Cut(w, ":")
		switch {
		case w == "nosdp":
			o.nosdp = true
		case w == "keep":
			o.keep = true
		case w == "sips":
			o.sips = true
		case w == "forwarded":
			o.forwarded = true
		case w == "sendrecv" || w == "sendonly" || w == "recvonly" || w == "inactive":
			o.dir = w
		case strings.HasPrefix(w, "method="):
			o.method = w[7:]
		case strings.HasPrefix(w, "tag="):
			o.tag = w[4:]
		case strings.HasPrefix(w, "port="):
			o.port = w[5:]
		case strings.HasPrefix(w, "cseq="):
			o.cseq = w[5:]
		case strings.HasPrefix(w, "keys="):
			o.keys = w[5:]
		case strings.HasPrefix(w, "ice="):
			o.ice = w[4:]
		case strings.HasPrefix(w, "qos="):
			o.qos = w[4:]
		case strings.HasPrefix(w, "hold="):
			o.hold, o.dir = w[5:], "sendrecv"
		case strings.HasPrefix(w, "user="):
			o.user = w[5:]
		case strings.HasPrefix(w, "contact="): // a URI, with its header parameters if in <>
			a, _ := wire.ParseAddr(w[8:])
			o.contacts = append(o.contacts, a)
		case strings.HasPrefix(w, "route="): // a Record-Route
			a, _ := wire.ParseAddr(w[6:])
			o.routes = append(o.routes, a)
		case strings.HasPrefix(w, "hops="):
			o.hops = w[5:]
		case strings.HasPrefix(w, "from="):
			o.from = w[5:]
		case strings.HasPrefix(w, "to="):
			o.to = w[3:]
		case strings.HasPrefix(w, "body="):
			o.body = w[5:]
		case strings.HasPrefix(w, "frag="):
			o.frag = strings.ReplaceAll(w[5:], "_", " ")
		case strings.HasPrefix(w, "expires="):
			o.expires = w[8:]
		case isHeader && name != "sip":
			o.headers = append(o.headers, wire.Field{Name: name, Value: strings.ReplaceAll(value, "_", " ")})
		default:
			o.args = append(o.args, w)
		}
	}
	return o
}

// dialogsIn puts the dialog of a peer in the place of DIALOG(T), in the form of Replaces: as the gateway knows it.
func (p *player) dialogsIn(words []string) []string {
	out := slices.Clone(words)
	for i, w := range out {
		before, rest, ok := strings.Cut(w, "DIALOG(")
		name, after, closed := strings.Cut(rest, ")")
		if !ok || !closed {
			continue
		}
		at := p.peers[name]
		value := at.callID + ";to-tag=" + at.remote.Tag() + ";from-tag=" + at.local.Tag()
		if strings.Contains(before, "?") {
			value = strings.NewReplacer(";", "%3B", "=", "%3D", "@", "%40").Replace(value)
		}
		out[i] = before + value + after
	}
	return out
}

// build makes the message that a line of a flow names: a status, a method, or one of the player's own words.
func (p *player) build(from *peer, what string, o options) *wire.Message {
	var m *wire.Message
	status, err := strconv.Atoi(what)
	withSDP, answer, former := o.dir != "", true, from.invite
	switch {
	case err == nil:
		pending := slices.Clone(from.pending)
		m = from.response(status, o.method, o.tag)
		if o.keep {
			from.pending = pending
		}
		withSDP = withSDP || status == 200 && m.CSeq.Method == wire.INVITE && !o.nosdp
	case what == "INVITE":
		m = from.call(o.args[0])
		if o.sips {
			m.URI.Scheme, m.Contact[0].URI.Scheme = "sips", "sips"
		}
		withSDP, answer = !o.nosdp, false
	case what != "INFO" && len(o.args) > 0, o.to != "":
		m = from.ask(wire.Method(what), cmp.Or(o.to, strings.Join(o.args, "")))
	case what == "REINVITE":
		m = from.within(wire.INVITE)
		withSDP, answer = !o.nosdp, false
	case what == "UPDATE":
		m, answer = from.within(wire.UPDATE), false
	case what == "PRACK":
		m = from.within(wire.PRACK)
		if !slices.ContainsFunc(o.headers, func(f wire.Field) bool { return f.Name == "RAck" }) {
			m.Add("RAck", from.rack)
		}
	case what == "ACK":
		m = from.request(wire.ACK, from.invSeq)
	case what == "CANCEL":
		m = from.cancel()
	case what == "INFO" && o.body == "":
		m = from.within(wire.INFO)
		m.ContentType, m.Body = "application/dtmf-relay", []byte("Signal="+o.args[0]+"\r\nDuration=100\r\n")
	case from.invite == nil: // outside any dialog
		from.call("")
		m = from.request(wire.Method(what), 1)
	default:
		m = from.within(wire.Method(what))
	}
	if o.forwarded {
		m.Via = append(m.Via, former.Via...)
	}
	o.alter(m)
	if withSDP {
		m.ContentType, m.Body = sdpType, o.shape(from.sdp(o.dir, answer))
	}
	return m
}

// alter changes what the options name of a message.
func (o options) alter(m *wire.Message) {
	m.RecordRoute = append(m.RecordRoute, o.routes...)
	if o.user != "" {
		m.From.URI.User = o.user
	}
	if o.hops != "" {
		m.MaxForwards, _ = strconv.Atoi(o.hops)
	}
	if o.tag != "" && m.IsRequest() {
		m.From.Params.Set("tag", o.tag)
	}
	if o.tag == "none" && !m.IsRequest() {
		m.To.Params.Del("tag")
	}
	if o.cseq != "" {
		n, _ := strconv.Atoi(o.cseq)
		m.CSeq.Seq = uint32(n)
	}
	if o.expires != "" {
		m.Expires, _ = strconv.Atoi(o.expires)
	}
	if o.frag != "" {
		m.ContentType, m.Body = "message/sipfrag", []byte("SIP/2.0 "+o.frag+"\r\n")
	}
	if o.body != "" {
		m.ContentType, m.Body = bodies[o.body].kind, []byte(bodies[o.body].text)
	}
}

// shape gives a peer's SDP another port, or puts it on hold in one of the ways that peers have.
func (o options) shape(sdp []byte) []byte {
	text := string(sdp)
	if o.port != "" {
		text = strings.Replace(text, "audio 30000", "audio "+o.port, 1)
	}
	before, media, _ := strings.Cut(text, "m=audio")
	_, connection, _ := strings.Cut(before, "s=-\r\n")
	connection, _, _ = strings.Cut(connection, "t=0 0")
	switch o.hold {
	case "zero":
		text = strings.Replace(text, connection, "c=IN IP4 0.0.0.0\r\n", 1)
	case "zero6":
		text = strings.Replace(text, connection, "c=IN IP6 ::\r\n", 1)
	case "off":
		text = strings.Replace(text, "audio 30000", "audio 0", 1)
	case "session":
		text = before + "a=sendonly\r\nm=audio" + strings.Replace(media, "a=sendrecv\r\n", "", 1)
	case "cut": // the last line without its end
		text = strings.TrimSuffix(strings.Replace(text, "a=sendrecv", "a=sendonly", 1), "\r\n")
	}
	text = keyed(text, o.keys)
	if o.ice != "" {
		text = strings.Replace(text, "a=ice-ufrag:abcd", "a=ice-ufrag:"+o.ice, 1)
	}
	if o.qos != "" {
		text += "a=curr:qos local " + strings.TrimSuffix(o.qos, "+ask") + "\r\na=curr:qos remote none\r\n" +
			"a=des:qos mandatory local sendrecv\r\na=des:qos none remote sendrecv\r\n"
	}
	if strings.HasSuffix(o.qos, "+ask") {
		text += "a=conf:qos remote sendrecv\r\n"
	}
	return []byte(text)
}

// peerKey is the SDES key of every peer; its other one has the last letter changed. worldKey is the letter of all our own.
const (
	peerKey  = "inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
	worldKey = "k"
)

// keyed gives a peer's SDP keys: "savp" or "avp" is the transport, behind a colon is the tag and with + another key than before; "dtls" and
// "dtls:active" are UDP/TLS/RTP/SAVP.
func keyed(text, keys string) string {
	kind, tag, _ := strings.Cut(keys, ":")
	tag, other := strings.CutSuffix(tag, "+")
	key := peerKey
	if other {
		key = key[:len(key)-1] + "U"
	}
	line := "a=crypto:" + cmp.Or(tag, "1") + " AES_CM_128_HMAC_SHA1_80 " + key + "|2^31\r\n"
	switch kind {
	case "avp":
		return text + line
	case "savp":
		return strings.Replace(text, "RTP/AVP", "RTP/SAVP", 1) + line
	case "dtls":
		return strings.Replace(text, "RTP/AVP", "UDP/TLS/RTP/SAVP", 1) + "a=setup:" + cmp.Or(tag, "actpass") + "\r\na=rtcp-mux\r\na=fingerprint:sha-256 " +
			strings.TrimSuffix(strings.Repeat("5E:", 32), ":") + "\r\n"
	}
	return text
}
