package main

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// secrets are what a side says in a message beside what its method is about. WORD, HOST, NUMBER and AT, its socket, are its own; HEX and BASE64 write the word
// so.
const secrets = `User-Agent: WORDphone/1.0 (HOST)
Server: WORDphone/1.0
Organization: WORD
Date: Sat, 13 Nov 2010 23:29:00 GMT
Timestamp: NUMBER
P-Asserted-Identity: "WORD" <sip:WORD@HOST>
P-Preferred-Identity: <sip:WORD@HOST>
Remote-Party-ID: "WORD" <sip:WORD@HOST>;party=calling;screen=yes;privacy=off
P-Access-Network-Info: 3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=WORD
P-Charging-Vector: icid-value=WORD;icid-generated-at=HOST;orig-ioi=WORD
P-Charging-Function-Addresses: ccf=HOST; ecf=WORD
P-Visited-Network-ID: "WORD"
P-Associated-URI: <sip:WORD@HOST>
P-Called-Party-ID: <sip:WORD@HOST>
P-Asserted-Service: urn:urn-7:3gpp-service.WORD
P-User-Database: <aaa://HOST;transport=WORD>
Resource-Priority: WORD.1
Accept-Contact: *;+g.WORD
Reject-Contact: *;+g.WORD
Accept-Language: x-WORD
Accept-Resource-Priority: WORD.1
Allow-Events: WORD
Call-Info: <http://HOST/WORD.png>;purpose=icon
Alert-Info: <http://HOST/WORD.wav>
Error-Info: <sip:WORD@HOST>
Warning: 399 HOST "WORD on HOST"
In-Reply-To: WORD@HOST
Reply-To: <sip:WORD@HOST>
Subject: WORD@HOST
Diversion: "WORD" <sip:WORD@HOST>;reason=unconditional;privacy=off
History-Info: <sip:WORD@HOST?Reason=SIP%3Bcause%3D302%3Btext%3D%22WORD%22>;index=1
Identity: BASE64;info=<https://HOST/WORD>;alg=ES256;ppt=shaken
Geolocation: <cid:WORD@HOST>
Geolocation-Routing: yes
Target-Dialog: WORD;local-tag=WORD;remote-tag=WORD
User-to-User: HEX;encoding=hex;purpose=WORD
Session-ID: WORD;remote=WORD
Path: <sip:WORD@HOST;lr>
Service-Route: <sip:WORD@HOST;lr>
Record-Route: <sip:AT;lr;x-WORD=WORD>
Authentication-Info: nextnonce="WORD"
Feature-Caps: *;+g.WORD
Policy-Contact: <sip:WORD@HOST>
X-WORD: WORD
X-Forwarded-For: HOST
X-Planted: WORD
Some-Future-Header: WORD at HOST
`

// stuff lets a message say all the secrets of its sender.
func (p *phone) stuff(m *message) {
	for line := range strings.Lines(p.own(secrets)) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
		switch {
		case !m.request() && name == "Record-Route" || m.get(name) != "": // answers repeat those of the request
		case p.browser && name == "Record-Route":
		default:
			m.add(name, value)
		}
	}
}

// own fills a text with the phone's word, host and a number of its own.
func (p *phone) own(text string) string {
	return strings.NewReplacer(
		"WORD", p.word, "HOST", p.host, "NUMBER", itoa(p.number()), "AT", p.at,
		"HEX", hex.EncodeToString([]byte(p.word)), "BASE64", base64.StdEncoding.EncodeToString([]byte(p.word)),
	).Replace(text)
}
