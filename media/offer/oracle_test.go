package offer

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// An independent reader judges ours: what it reads and we accept means the same, and what it refuses we refuse. It is narrower than peers
// are, so it gets the text arranged: each block's lines in the order of RFC 8866 section 5, without those that we never use, and with a
// known kind of media where it knows no other (T.38, new transports). What remains are the differences of excused.

var (
	knownMedia  = []string{"audio", "video", "text", "application", "message"}
	knownProtos = strings.Fields("UDP RTP AVP SAVP SAVPF TLS DTLS SCTP AVPF TCP MSRP BFCP UDT IX MRCPv2 FEC")
)

// arranged is the text for the oracle.
func arranged(text string) string {
	blocks := [][]string{nil}
	for line := range strings.Lines(text) {
		line = tight(strings.TrimRight(line, "\r\n"))
		if strings.HasPrefix(line, "m=") {
			blocks = append(blocks, nil)
			line = "m=" + strings.TrimLeft(line[2:], " \t")
			f := strings.Fields(line[2:])
			foreign := func(p string) bool { return !slices.Contains(knownProtos, p) }
			if len(f) > 2 && (!slices.Contains(knownMedia, f[0]) || slices.ContainsFunc(strings.Split(f[2], "/"), foreign)) {
				line = "m=application " + f[1] + " UDP " + strings.Join(f[3:], " ")
			}
		}
		if len(line) > 1 && strings.ContainsRune("voct", rune(line[0])) {
			line = line[:2] + strings.ReplaceAll(line[2:], "=", "?") // or what stands behind the last word is taken for a line of its own
		}
		if strings.HasPrefix(line, "c=") || strings.HasPrefix(line, "t=") {
			line = line[:2] + strings.TrimLeft(line[2:], " \t")
		}
		blocks[len(blocks)-1] = append(blocks[len(blocks)-1], line)
	}
	var out strings.Builder
	for _, block := range blocks {
		for _, kind := range "mvoscta" {
			for _, line := range block {
				if strings.HasPrefix(line, string(kind)+"=") {
					out.WriteString(line + "\r\n")
				}
			}
		}
	}
	return out.String()
}

// excused are refusals of ours that the oracle does not share.
func excused(t *testing.T, err error, theirs *sdp.SessionDescription) bool {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v is no *Error", err)
	}
	switch refusal.Reason {
	case "sdp too large", "control character in sdp", "too many m-lines", "too many attributes": // limits of ours
		return true
	case "sdp line without a type": // the oracle is not shown what it would have no use for
		return true
	case "malformed m-line", "malformed media port": // it takes words that could not be echoed, and is not shown m-lines of other kinds
		return true
	case "session lines missing or repeated": // it takes the beginning of an SDP for a whole one
		return len(theirs.MediaDescriptions) == 0
	}
	return false
}

// attributeOf is the last value of an attribute of an m-line, else of the session.
func attributeOf(s *sdp.SessionDescription, m *sdp.MediaDescription, keys ...string) (last sdp.Attribute) {
	for _, a := range slices.Concat(s.Attributes, m.Attributes) {
		if slices.Contains(keys, a.Key) {
			last = a
		}
	}
	return last
}

func FuzzOracle(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte, _ uint8) {
		ours, err := read(string(raw))
		var theirs sdp.SessionDescription
		refused := theirs.UnmarshalString(arranged(string(raw)))
		switch {
		case err != nil && refused == nil && !excused(t, err, &theirs):
			t.Fatalf("only we refuse it: %v\n%s", err, raw)
		case err == nil && refused != nil:
			t.Fatalf("only the oracle refuses it: %v\n%s", refused, raw)
		case err == nil && len(ours.sections) != len(theirs.MediaDescriptions):
			t.Fatalf("%d m-lines, not %d", len(ours.sections), len(theirs.MediaDescriptions))
		case err == nil:
			for i, m := range theirs.MediaDescriptions {
				same(t, &ours.sections[i], &theirs, m)
			}
		}
	})
}

// same holds that both mean the same by an m-line.
func same(t *testing.T, s *section, session *sdp.SessionDescription, m *sdp.MediaDescription) {
	t.Helper()
	if int(s.portNumber) != m.MediaName.Port.Value || len(m.MediaName.Formats) > 0 && s.format != m.MediaName.Formats[0] {
		t.Fatalf("%+v is %+v", m.MediaName, s)
	}
	if s.media != "audio" || m.MediaName.Media != "audio" {
		return
	}
	if proto := strings.Join(m.MediaName.Protos, "/"); s.proto != proto {
		t.Fatalf("transport %s is %s", proto, s.proto)
	}
	c := m.ConnectionInformation
	if c == nil {
		c = session.ConnectionInformation
	}
	var addr netip.Addr
	if c != nil && c.Address != nil {
		addr, _ = parseAddr(c.Address.Address)
	}
	if s.addr != addr {
		t.Fatalf("address %v is %v", addr, s.addr)
	}
	if d, _ := parseDirection(attributeOf(session, m, "sendrecv", "sendonly", "recvonly", "inactive").Key); s.direction != d {
		t.Fatalf("direction %v is %v", d, s.direction)
	}
	for key, ours := range map[string]string{"ice-ufrag": s.ufrag, "ice-pwd": s.pwd, "setup": s.setup} {
		if v := strings.TrimSpace(attributeOf(session, m, key).Value); v != ours {
			t.Fatalf("%s %q is %q", key, v, ours)
		}
	}
	if mux := attributeOf(session, m, "rtcp-mux").Key != ""; s.mux != mux {
		t.Fatalf("rtcp-mux %v is %v", mux, s.mux)
	}
	sameCodecs(t, s.codecs, m)
}

func sameCodecs(t *testing.T, ours []Codec, m *sdp.MediaDescription) {
	t.Helper()
	first := func(key string, pt uint8, fit func(string) bool) string {
		for _, a := range m.Attributes {
			n, rest, _ := strings.Cut(a.Value, " ")
			if v, err := strconv.ParseUint(n, 10, 7); a.Key == key && err == nil && uint8(v) == pt && fit(rest) {
				return strings.TrimSpace(rest)
			}
		}
		return ""
	}
	for i := range ours {
		c := &ours[i]
		means := func(format string) bool {
			n, err := strconv.ParseUint(format, 10, 7)
			return err == nil && uint8(n) == c.PT
		}
		if len(m.MediaName.Formats) > 0 && !slices.ContainsFunc(m.MediaName.Formats, means) {
			t.Fatalf("payload type %d is not in %v", c.PT, m.MediaName.Formats)
		}
		if text := first("fmtp", c.PT, func(s string) bool { return strings.TrimSpace(s) != "" }); text != c.Fmtp {
			t.Fatalf("fmtp of %d: %q is %q", c.PT, text, c.Fmtp)
		}
		named := first("rtpmap", c.PT, func(s string) bool { _, ok := parseRtpmap(s); return ok })
		if name, _, _ := strings.Cut(named, "/"); name != c.Name && static(c.PT).Name == "" {
			t.Fatalf("codec of %d: %q is %q", c.PT, name, c.Name)
		}
	}
}
