package scene

import "strings"

// body is the SDP of a G.711 phone. Each part changes it: "c=..", "m=.." and "o=.." replace the line that begins so, "s:a=.." is a line of the
// session, any other line one of the media. An empty part says nothing.
func body(parts ...string) string {
	origin, connection, media := "o=phone 7734 1 IN IP4 [local_ip]", "c=IN IP4 [local_ip]", "m=audio [rtp_port] RTP/AVP 8 0 101"
	var session, lines []string
	for _, p := range parts {
		switch {
		case p == "":
		case strings.HasPrefix(p, "o="):
			origin = p
		case strings.HasPrefix(p, "c="):
			connection = p
		case strings.HasPrefix(p, "m="):
			media = p
		case strings.HasPrefix(p, "s:"):
			session = append(session, p[len("s:"):])
		default:
			lines = append(lines, p)
		}
	}
	all := append([]string{"v=0", origin, "s=-", connection, "t=0 0"}, session...)
	all = append(all, media, "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16")
	return strings.Join(append(all, lines...), "\n")
}
