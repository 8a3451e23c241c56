package topology

import (
	"strings"
	"testing"

	"drawbridge/sip/wire"
)

// TestOutsideHides: of a request outside calls the far side sees what its method is about, whatever else the near side says.
func TestOutsideHides(t *testing.T) {
	lines := map[wire.Method][]string{
		wire.MESSAGE:   {"Subject: near-custom 10.1.2.3", "Priority: near-custom"},
		wire.INFO:      {"Info-Package: near-custom"},
		wire.OPTIONS:   {"Accept: near-custom/x"},
		wire.PUBLISH:   {"Event: presence;near-custom=1;id=near-tag", "SIP-If-Match: near custom@10.1.2.3", "Expires: 60"},
		wire.SUBSCRIBE: {"Event: dialog;id=near-tag;call-id=near-call-id", "Accept: near-custom/x", "Expires: 60"},
	}
	for method, extra := range lines {
		in := near(t, extra...)
		in.Method, in.CSeq.Method = method, method
		m := Outside(in, far())
		m.ContentType, m.Body, _ = Body(in, "sip:+4930200@far.example.com")
		out := string(m.Bytes())
		for _, s := range secrets {
			if strings.Contains(out, s) {
				t.Errorf("%s: the far side sees %q:\n%s", method, s, out)
			}
		}
		if !strings.HasPrefix(out, string(method)+" sip:+4930200@192.0.2.9 SIP/2.0\r\n") || m.MaxForwards != 8 {
			t.Errorf("%s leaves as\n%s", method, out)
		}
	}
}

func TestOutsideKeeps(t *testing.T) {
	for _, tt := range []struct {
		method wire.Method
		lines  []string
		want   []string
	}{
		{wire.MESSAGE, []string{"Subject: Lunch", "Priority: Urgent", "Expires: 60"}, []string{"Subject: Lunch", "Priority: urgent", "Expires: 60"}},
		{wire.PUBLISH, []string{"Event: presence", "SIP-If-Match: dx200xyz", "Expires: 3600"}, []string{"Event: presence", "SIP-If-Match: dx200xyz", "Expires: 3600"}},
		{wire.SUBSCRIBE, []string{"Event: Dialog;id=7", "Expires: 0"}, []string{"Event: dialog\r\n", "Accept: application/dialog-info+xml", "Expires: 0"}},
	} {
		in := near(t, tt.lines...)
		in.Method, in.CSeq.Method = tt.method, tt.method
		out := string(Outside(in, far()).Bytes())
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", tt.method, want, out)
			}
		}
	}
}

func TestOutsideAnswers(t *testing.T) {
	for _, tt := range []struct {
		status int
		trunk  bool
		want   int
	}{{200, true, 200}, {202, false, 202}, {405, true, 405}, {501, true, 405}, {412, true, 412}, {415, true, 415}, {423, true, 423},
		{489, true, 489}, {503, true, 500}, {407, true, 500}, {302, false, 480}, {604, true, 604}} {
		if got := OutsideStatus(tt.status, tt.trunk); got != tt.want {
			t.Errorf("%d becomes %d, want %d", tt.status, got, tt.want)
		}
	}
	from := near(t, "SIP-ETag: etag1", "Min-Expires: 90", "Retry-After: 7 (near-custom)", "Server: NearPhone/1.0", "Expires: 55", "Warning: 399 near-warning x")
	for _, tt := range []struct {
		method wire.Method
		status int
		want   string
	}{
		{wire.PUBLISH, 200, "SIP-ETag: etag1"}, {wire.PUBLISH, 200, "Expires: 55"}, {wire.PUBLISH, 423, "Min-Expires: 90"},
		{wire.SUBSCRIBE, 489, "Allow-Events: " + AllowEvents}, {wire.MESSAGE, 480, "Retry-After: 7\r\n"},
	} {
		in := near(t)
		in.Via, in.RecordRoute = nil, nil
		answer := wire.NewResponse(in, tt.status, "", "")
		OutsideAnswer(answer, from, tt.method)
		out := string(answer.Bytes())
		if !strings.Contains(out, tt.want) || strings.Contains(out, "NearPhone") || strings.Contains(out, "near-warning") || strings.Contains(out, "near-custom") {
			t.Errorf("%d to %s:\n%s", tt.status, tt.method, out)
		}
	}
}

func TestEvents(t *testing.T) {
	for in, want := range map[string]string{
		"dialog": "dialog", "Presence;id=a;x=1": "presence;id=a", "message-summary": "message-summary",
		"reg": "", "refer": "", "presence.winfo": "", "": "", "dialog;id=a;id=b": "", "conference": "",
	} {
		e, ok := ParseEvent(in)
		if ok != (want != "") || ok && e.String() != want {
			t.Errorf("%q: %q %v, want %q", in, e, ok, want)
		}
	}
	if got := strings.Split(AllowEvents, ", "); len(got) != len(packages) {
		t.Errorf("Allow-Events names %v", got)
	}
	for _, p := range packages {
		if !strings.Contains(AllowEvents, p.name) || !strings.Contains(Accepts(wire.NOTIFY), p.media) {
			t.Errorf("%s is not offered", p.name)
		}
	}
}

func TestStates(t *testing.T) {
	for in, want := range map[string]string{
		"active;expires=60": "active;expires=60", "Pending": "pending", "terminated;reason=NoResource;expires=5": "terminated;reason=noresource",
		"terminated;reason=near-custom;retry-after=9": "terminated;retry-after=9", "waiting": "active", "active;expires=x": "active", "": "", ";x": "",
	} {
		s, ok := ParseState(in)
		if ok != (want != "") || ok && s.String() != want {
			t.Errorf("%q: %q %v, want %q", in, s, ok, want)
		}
	}
}
