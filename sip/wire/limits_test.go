package wire

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"drawbridge/tests/cputime"
)

// repeat joins n copies made by f.
func repeat(n int, sep string, f func(i int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = f(i)
	}
	return strings.Join(parts, sep)
}

// fill pads a line to n bytes.
func fill(prefix string, n int) string { return prefix + strings.Repeat("x", n-len(prefix)) }

func TestLimits(t *testing.T) {
	via := func(i int) string { return fmt.Sprintf("SIP/2.0/UDP h%d;branch=z9hG4bK1", i) }
	route := func(int) string { return "<sip:p;lr>" }
	media := func(int) string { return "m=audio 1 RTP/AVP 0" }
	part := func(int) string { return "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" }
	param := func(i int) string { return fmt.Sprintf("p%d=1", i) }
	for _, tc := range []struct {
		name   string
		edits  []string
		status int
	}{
		{"a header line of 8 kB", []string{fill("Subject: ", maxLine)}, 0},
		{"one byte more", []string{fill("Subject: ", maxLine+1)}, 400},
		{"8 kB after unfolding", []string{"Subject: a\r\n " + strings.Repeat("x", maxLine)}, 400},
		{"a header name of 256 bytes", []string{strings.Repeat("n", maxName) + ": x"}, 0},
		{"a header name of 257 bytes", []string{strings.Repeat("n", maxName+1) + ": x"}, 400},
		{"256 header lines", []string{"+" + repeat(maxLines-len(order)+1, "\r\n", func(int) string { return "N-A: y" })}, 0},
		{"257 header lines", []string{"+" + repeat(maxLines-len(order)+2, "\r\n", func(int) string { return "N-A: y" })}, 400},
		{"257 values on few lines", []string{"P-Asserted-Identity: " + repeat(maxLines, ",", route)}, 400},
		{"64 Via", []string{"Via: " + repeat(maxVias, ",", via)}, 0},
		{"65 Via", []string{"Via: " + repeat(maxVias+1, ",", via)}, 400},
		{"64 Route", []string{"Route: " + repeat(maxRoutes, ",", route)}, 0},
		{"65 Route", []string{"Route: " + repeat(maxRoutes+1, ",", route)}, 400},
		{"65 Record-Route", []string{"Record-Route: " + repeat(maxRoutes+1, ",", route)}, 400},
		{"a Request-URI of 2 kB", []string{"=INVITE " + fill("sip:h;x=", maxURI) + " SIP/2.0"}, 0},
		{"a Request-URI above 2 kB", []string{"=INVITE " + fill("sip:h;x=", maxURI+1) + " SIP/2.0"}, 414},
		{"a start line above 8 kB", []string{"=INVITE " + fill("sip:h;x=", maxLine) + " SIP/2.0"}, 414},
		{"a host name of 255 bytes", []string{"To: <" + fill("sip:", 4+maxHost) + ">"}, 0},
		{"a host name of 256 bytes", []string{"To: <" + fill("sip:", 5+maxHost) + ">"}, 400},
		{"64 parameters", []string{"To: <sip:h>;" + repeat(maxParams, ";", param)}, 0},
		{"65 parameters", []string{"To: <sip:h>;" + repeat(maxParams+1, ";", param)}, 400},
		{"65 URI parameters", []string{"To: <sip:h;" + repeat(maxParams+1, ";", param) + ">"}, 400},
		{"Max-Forwards 255", []string{"Max-Forwards: 255"}, 0},
		{"Max-Forwards 256", []string{"Max-Forwards: 256"}, 400},
		{"Max-Forwards -1", []string{"Max-Forwards: -1"}, 400},
		{"CSeq 2^31-1", []string{"CSeq: 2147483647 INVITE"}, 0},
		{"CSeq 2^31", []string{"CSeq: 2147483648 INVITE"}, 400},
		{"Expires 2^32-1", []string{"Expires: 4294967295"}, 0},
		{"Expires 2^32", []string{"Expires: 4294967296"}, 400},
		{"Content-Length 10^20", []string{"Content-Length: 100000000000000000000"}, 400},
		{"Content-Length beyond the datagram", []string{"Content-Length: 1"}, 400},
		{"Content-Length -1", []string{"Content-Length: -1"}, 400},
		{"32 m-lines", sdpOf("v=0\r\n" + repeat(maxMedia, "\r\n", media)), 0},
		{"33 m-lines", sdpOf("v=0\r\n" + repeat(maxMedia+1, "\r\n", media)), 400},
		{"16 parts", multipart(repeat(maxParts, "", part)), 0},
		{"17 parts", multipart(repeat(maxParts+1, "", part)), 400},
		{"multipart four deep", multipart(strings.Repeat("--b\r\nContent-Type: Multipart/Mixed;boundary=b\r\n\r\n", 3)), 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, v := Read(invite(tc.edits...), CanonOptions{}); v.Status != tc.status {
				t.Errorf("status %d %q, want %d", v.Status, v.Reason, tc.status)
			}
		})
	}
	t.Run("a message above 64 kB", func(t *testing.T) {
		if _, v := Read([]byte(string(invite())+strings.Repeat("x", MaxMessage)), CanonOptions{}); v.Status != 513 {
			t.Errorf("status %d, want 513", v.Status)
		}
	})
}

// sdpOf is an order with a body; the blank line stands between, so the message has no second one of its own.
func sdpOf(body string) []string {
	return []string{"-Content-Length", "Content-Type: application/sdp\r\n\r\n" + body}
}

func multipart(body string) []string {
	return []string{"-Content-Length", "Content-Type: multipart/mixed;boundary=b\r\n\r\n" + body}
}

// TestNoInputCostsMuch holds the bound of 10 ms on inputs made to be slow: long lists, folds without end, quotes inside quotes. Where the
// race detector or coverage slows the whole package down, the cost of a plain message of the same size is the measure.
func TestNoInputCostsMuch(t *testing.T) {
	size := MaxMessage - 1024
	lines := func(line string) string { return strings.Repeat(line+"\r\n", size/(len(line)+2)) }
	many := repeat(maxLine/5, ";", func(i int) string { return fmt.Sprintf("%04x", i) })
	bound := max(10*time.Millisecond, 100*cost(t, lines(fill("N-A: ", maxLine-100))))
	for name, bulk := range map[string]string{
		"parameters":       lines("P-Asserted-Identity: <sip:h>;" + many[:maxLine-100]),
		"parameters of To": lines("To: <sip:h>;" + many[:maxLine-100]),
		"URI parameters":   lines("Route: <sip:h;" + many[:maxLine-100] + ">"),
		"Via parameters":   lines("Via: SIP/2.0/UDP h;" + many[:maxLine-100]),
		"folds":            "Subject: x\r\n" + strings.Repeat(" \r\n", size/3),
		"folds by LF":      "Subject: x\n" + strings.Repeat(" \n", size/2),
		"folds of To":      "To: x\n" + strings.Repeat(" ;\n", size/3),
		"open quotes":      lines(`Contact: ` + strings.Repeat(`"`, maxLine-101)),
		"open brackets":    lines("Contact: " + strings.Repeat("<", maxLine-100)),
		"commas":           lines("Route: " + strings.Repeat(",", maxLine-100)),
		"escapes":          lines("Contact: <sip:" + strings.Repeat("%41", (maxLine-100)/3) + "@h>"),
		"short lines":      lines("a:"),
		"option tags":      lines("Require: " + strings.Repeat("a,", (maxLine-100)/2)),
		"body":             "\r\n" + strings.Repeat("multipart/\ncontent-type", size/23),
	} {
		t.Run(name, func(t *testing.T) {
			if got := cost(t, bulk); got > bound {
				t.Errorf("%v, the bound is %v", got, bound)
			}
		})
	}
}

// cost is the CPU time, the least of five, in which order with more header lines is read.
func cost(t *testing.T, bulk string) time.Duration {
	raw := []byte(strings.Join(order, "\r\n") + "\r\n" + bulk + "\r\n")
	least := time.Hour
	for range 5 {
		least = min(least, cputime.Of(t, func() { Read(raw, CanonOptions{}) }))
	}
	return least
}
