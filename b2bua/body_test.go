package b2bua

import (
	"strings"
	"testing"

	"drawbridge/sip/wire"
)

// TestMultipart is RFC 5621 section 3.1: the session description is found, and nothing is lost that its sender insists on.
func TestMultipart(t *testing.T) {
	multipart := func(parts ...string) string { return "--b\r\n" + strings.Join(parts, "\r\n--b\r\n") + "\r\n--b--" }
	const sdp, isup = "Content-Type: application/sdp\r\n\r\nv=0", "Content-Type: application/isup\r\nContent-Disposition: signal;handling="
	for _, tt := range []struct {
		name, contentType, body string
		status                  int
	}{
		{"no body", "", "", 0},
		{"SDP among others", "multipart/mixed;boundary=b", multipart("\r\nhello", sdp, isup+"optional\r\n\r\nx"), 0},
		{"a part that must not be lost", "multipart/mixed;boundary=b", multipart(sdp, isup+"required\r\n\r\nx"), 415},
		{"no SDP at all", "multipart/mixed;boundary=b", multipart(isup + "optional\r\n\r\nx"), 415},
		{"no multipart", "multipart/mixed;boundary=c", multipart(sdp), 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := wire.NewRequest(wire.INVITE, wire.URI{})
			m.ContentType, m.Body = tt.contentType, []byte(tt.body)
			status := 0
			if d := unreadable(m); d != nil {
				status = d.Status
			}
			if status != tt.status {
				t.Errorf("%d, want %d", status, tt.status)
			}
			if status == 0 && tt.body != "" && string(m.Body) != "v=0" {
				t.Errorf("the offer is %q", m.Body)
			}
		})
	}
}
