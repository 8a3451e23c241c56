package light

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// Payload types of our offer.
const (
	PTOpus = 111
	PTPCMA = 8
	PTG722 = 9
)

// rtpmaps are the codecs that a client can speak.
var rtpmaps = map[string]struct {
	pt    int
	entry string
}{"opus": {PTOpus, "opus/48000/2"}, "PCMA": {PTPCMA, "PCMA/8000"}, "G722": {PTG722, "G722/8000"}}

// Remote is what an answer says.
type Remote struct {
	Addr        netip.AddrPort
	Ufrag, Pwd  string
	Fingerprint string
	PT          uint8 // the first payload type
}

// Offer is the client's SDP; codec is "opus", "PCMA" or "G722".
func (c *Client) Offer(codec string) string { return c.describe(codec, "actpass", "sendrecv") }

// Hold is an offer that puts the other end on hold.
func (c *Client) Hold(codec string) string { return c.describe(codec, "actpass", "sendonly") }

// Reply is the client's SDP in answer to an offer that has the codec under the payload type that the client gives it.
func (c *Client) Reply(codec string) string { return c.describe(codec, "active", "sendrecv") }

// Restart gives the descriptions from now on new ICE credentials (RFC 8839 section 4.4.1.1.1). Checks have them once an answer has come.
func (c *Client) Restart() { c.ours = newCredentials() }

func (c *Client) describe(codec, setup, direction string) string {
	c.version++
	pt, rtpmap := rtpmaps[codec].pt, rtpmaps[codec].entry
	at := c.Addr()
	return strings.Join([]string{
		"v=0", fmt.Sprintf("o=- 1 %d IN IP4 127.0.0.1", c.version), "s=-", "t=0 0", "a=group:BUNDLE 0",
		fmt.Sprintf("m=audio %d UDP/TLS/RTP/SAVPF %d", at.Port(), pt), "c=IN IP4 " + at.Addr().String(), "a=mid:0",
		fmt.Sprintf("a=candidate:1 1 udp 2130706431 %s %d typ host", at.Addr(), at.Port()),
		"a=ice-ufrag:" + c.ours.ufrag, "a=ice-pwd:" + c.ours.pwd, "a=fingerprint:sha-256 " + c.fingerprint(), "a=setup:" + setup,
		"a=rtcp-mux", "a=" + direction, fmt.Sprintf("a=rtpmap:%d %s", pt, rtpmap), "",
	}, "\r\n")
}

func (c *Client) fingerprint() string {
	sum := sha256.Sum256(c.cert.Certificate[0])
	var parts []string
	for _, b := range sum {
		parts = append(parts, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return strings.Join(parts, ":")
}

// Answer reads the gateway's SDP.
func (c *Client) Answer(sdp string) error {
	r := Remote{}
	var host string
	var port uint16
	for line := range strings.SplitSeq(strings.ReplaceAll(sdp, "\r", ""), "\n") {
		switch {
		case strings.HasPrefix(line, "c=IN IP4 "):
			host = line[len("c=IN IP4 "):]
		case strings.HasPrefix(line, "m=audio "):
			_, _ = fmt.Sscanf(line, "m=audio %d", &port)
			if f := strings.Fields(line); len(f) > 3 {
				_, _ = fmt.Sscan(f[3], &r.PT)
			}
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			r.Ufrag = line[len("a=ice-ufrag:"):]
		case strings.HasPrefix(line, "a=ice-pwd:"):
			r.Pwd = line[len("a=ice-pwd:"):]
		case strings.HasPrefix(line, "a=fingerprint:"):
			r.Fingerprint = line[len("a=fingerprint:"):]
		}
	}
	at, err := netip.ParseAddr(host)
	if err != nil || port == 0 || r.Ufrag == "" || r.Pwd == "" || r.Fingerprint == "" {
		return fmt.Errorf("%w:\n%s", errAnswer, sdp)
	}
	r.Addr = netip.AddrPortFrom(at, port)
	c.path.Store(&path{c.ours, r})
	return nil
}

// Remote is the other end, after Answer.
func (c *Client) Remote() Remote { return c.path.Load().remote }

// random is n letters and digits.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)[:n]
}
