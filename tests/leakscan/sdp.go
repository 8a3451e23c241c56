package main

import (
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// sdp is a session description of the phone's kind, with its word wherever one fits. to is the offer that it answers, "" when it is one.
func (p *phone) sdp(to string) string {
	text, setup := trunkSDP, "actpass"
	mid, pt := p.word, "111 8"
	if p.browser {
		text = browserSDP
	}
	if to != "" {
		setup = "active"
		mid = after(to, "a=mid:")
		pt = strings.Fields(after(to, "m=audio ") + " 0 0 0")[2]
		if text == browserSDP && !strings.Contains(to, "a=rtpmap:"+pt+" opus") {
			text = strings.ReplaceAll(text, "a=rtpmap:111 opus/48000/2\n", "")
			text = strings.ReplaceAll(text, "a=fmtp:111 minptime=10;x-WORD=1\n", "")
		}
		text = strings.ReplaceAll(text, "111", pt)
	}
	return strings.NewReplacer(
		"\n", "\r\n", "WORD", p.word, "HOST", p.host, "SETUP", setup, "MID", mid, "PTS", pt, "SESSION", itoa(p.number()), "SSRC", itoa(p.number()), "PORT", itoa(p.rtp),
		"PRINT", strings.TrimSuffix(strings.Repeat(p.print+":", 16), ":"),
	).Replace(text)
}

// after is the rest of the line that begins so.
func after(text, begin string) string {
	_, rest, _ := strings.Cut(text, begin)
	rest, _, _ = strings.Cut(rest, "\r\n")
	return rest
}

const trunkSDP = `v=0
o=WORD SESSION SESSION IN IP4 HOST
s=WORD
i=WORD
u=http://HOST/WORD
e=WORD@HOST
p=+1 WORD
c=IN IP4 HOST
t=0 0
a=tool:WORD
a=x-WORD:1
m=audio PORT RTP/AVP 8 101
i=WORD
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:PORT IN IP4 HOST
a=label:WORD
a=ssrc:SSRC cname:WORD@HOST
a=candidate:WORD 1 UDP 2130706431 HOST PORT typ host
a=x-WORD:HOST
a=sendrecv
`

const browserSDP = `v=0
o=WORD SESSION 2 IN IP4 HOST
s=WORD
t=0 0
a=group:BUNDLE MID
a=msid-semantic: WMS WORD
m=audio PORT UDP/TLS/RTP/SAVPF PTS
c=IN IP4 HOST
a=rtcp:PORT IN IP4 HOST
a=candidate:WORD 1 udp 2122260223 HOST PORT typ host generation 0 network-id 1
a=candidate:WORD 1 udp 1686052607 HOST PORT typ srflx raddr HOST rport PORT
a=ice-ufrag:WORD
a=ice-pwd:WORDWORDWORDWORD
a=fingerprint:sha-256 PRINT
a=setup:SETUP
a=mid:MID
a=msid:WORD WORD
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;x-WORD=1
a=ssrc:SSRC cname:WORD
a=x-WORD:HOST
a=sendrecv
`
