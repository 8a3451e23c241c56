package wire

import (
	"strings"
	"testing"
)

const lookedAt = "INVITE sip:+4930222@192.0.2.1 SIP/2.0\r\nv: SIP/2.0/UDP 198.51.100.1:5070;branch=z9hG4bKa;rport;x=y\r\n" +
	"Via: SIP/2.0/UDP inner;branch=z9hG4bKb\r\nFrom: \"A; b\" <sip:a@h;tag=no>;tag=f1\r\nto: <sip:b@h>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\n" +
	"Subject: anything\r\nContent-Length: 3\r\n\r\nsdp"

func TestLook(t *testing.T) {
	g, ok := Look([]byte(lookedAt))
	if !ok || g.Method != INVITE || g.Host != "198.51.100.1" || g.Port != 5070 || g.Branch != "z9hG4bKa" || !g.Rport || g.FromTag != "f1" || g.ToTag != "" ||
		g.CallID != "c1" {
		t.Fatalf("%+v %t", g, ok)
	}
	const want = "SIP/2.0 503 Service Unavailable\r\nVia: SIP/2.0/UDP 198.51.100.1:5070;branch=z9hG4bKa;rport=9;received=203.0.113.1;x=y\r\n" +
		"Via: SIP/2.0/UDP inner;branch=z9hG4bKb\r\nFrom: \"A; b\" <sip:a@h;tag=no>;tag=f1\r\nTo: <sip:b@h>;tag=own\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\n" +
		"Retry-After: 5\r\nContent-Length: 0\r\n\r\n"
	if got := g.Refusal(nil, "503 Service Unavailable", "203.0.113.1", "9", []byte("own"), []byte("Retry-After: 5\r\n")); string(got) != want {
		t.Errorf("%s", got)
	}
}

// TestLookLeavesTheOddToRead: what is not plain has to be read; each row changes one thing of a message that is.
func TestLookLeavesTheOddToRead(t *testing.T) {
	for name, change := range map[string][2]string{
		"method":             {"INVITE sip", "OPTIONS sip"},
		"method in CSeq":     {"7 INVITE", "7 ACK"},
		"version":            {"1 SIP/2.0", "1 SIP/3.0"},
		"no end":             {"\r\n\r\nsdp", "\r\n"},
		"bare LF":            {"Subject: anything\r\n", "Subject: anything\n"},
		"folded":             {"CSeq: 7", "CSeq:\r\n 7"},
		"blank before colon": {"CSeq:", "CSeq :"},
		"control character":  {"Call-ID: c1", "Call-ID: c\x001"},
		"two Call-IDs":       {"Subject: anything", "i: c2"},
		"two Vias in a line": {"Via: SIP/2.0/UDP inner", "Via: SIP/2.0/UDP x, SIP/2.0/UDP inner"},
		"two branches":       {";x=y", ";branch=z9hG4bKc"},
		"received is told":   {";x=y", ";received=192.0.2.9"},
		"rport is told":      {";rport", ";rport=1"},
		"rport twice":        {";x=y", ";rport"},
		"like rport":         {"branch=z9hG4bKa;rport;", "rportx;branch=z9hG4bKa;rport;"},
		"multicast":          {";x=y", ";maddr=224.0.0.1"},
		"no From tag":        {">;tag=f1", ">"},
		"two From tags":      {">;tag=f1", ">;tag=f1;tag=f2"},
		"quoted parameter":   {">;tag=f1", ">;x=\"a>b\";tag=f1"},
		"no branch":          {"branch=z9hG4bKa;", ""},
		"sent-by":            {"198.51.100.1:5070", "198.51.100.1:x"},
	} {
		if !strings.Contains(lookedAt, change[0]) {
			t.Fatal(name)
		}
		if g, ok := Look([]byte(strings.Replace(lookedAt, change[0], change[1], 1))); ok {
			t.Errorf("%s: %+v", name, g)
		}
	}
}

// FuzzLook states that a glance and the whole reading agree, and that a refusal is a response without anything on the wire but what it says.
func FuzzLook(f *testing.F) {
	f.Add([]byte(lookedAt))
	f.Add(invite())
	f.Add([]byte(strings.NewReplacer("INVITE", "ACK", "<sip:b@h>", "sip:b@h;tag=t").Replace(lookedAt)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		g, ok := Look(raw)
		if !ok {
			return
		}
		var refusal []byte
		if g.Method == INVITE {
			refusal = g.Refusal(nil, "503 Service Unavailable", "203.0.113.1", "9", []byte("own"), nil)
			clean(t, refusal)
		}
		m, v := Read(raw, CanonOptions{})
		if v.Status != 0 {
			return
		}
		if g.Method == ACK {
			if m.Method != ACK || m.ToTag() != g.ToTag {
				t.Fatalf("%q\nseen  %+v\nread %+v", raw, g, m)
			}
			return
		}
		if m.Method != g.Method || m.Branch() != g.Branch || m.Via[0].Host != g.Host || m.Via[0].Port != g.Port || m.FromTag() != g.FromTag ||
			m.ToTag() != g.ToTag || m.CallID != g.CallID {
			t.Fatalf("%q\nseen  %+v\nread %+v", raw, g, m)
		}
		if g.ToTag != "" {
			return
		}
		if g.Rport {
			m.Via[0].Params.Set("rport", "9")
		}
		want, got := NewResponse(m, 503, "", "own"), read(t, refusal)
		if len(got.Via) != len(want.Via) || got.Branch() != want.Branch() || got.Via[0].Params.Get("rport") != want.Via[0].Params.Get("rport") ||
			got.From.String() != want.From.String() || got.To.String() != want.To.String() || got.CallID != want.CallID || got.CSeq != want.CSeq {
			t.Fatalf("%q\nis refused with\n%q\nnot\n%q", raw, refusal, want.Bytes())
		}
	})
}

func TestLookDoesNotAllocate(t *testing.T) {
	raw, room := []byte(lookedAt), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		g, _ := Look(raw)
		g.Refusal(room, "503 Service Unavailable", "203.0.113.1", "9", []byte("own"), nil)
	}); n != 0 {
		t.Errorf("%v", n)
	}
}
