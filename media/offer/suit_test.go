package offer

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// The answer names what the far side has chosen, where both sides have it, and tells Opus how much of it is heard.
func TestReviseFitsTheAnswerToTheFarSide(t *testing.T) {
	for _, c := range []struct {
		far  []string
		want string // codec of the answer
		fmtp string
	}{
		{[]string{"PCMA"}, "PCMA", ""},
		{[]string{"PCMU"}, "PCMU", ""},
		{[]string{"opus"}, "opus", opusBase},
		{[]string{"G722"}, "opus", opusBase + ";maxplaybackrate=16000;sprop-maxcapturerate=16000"}, // the gateway has none for browsers here
		{[]string{"G729"}, "opus", opusBase + ";maxplaybackrate=8000;sprop-maxcapturerate=8000"},
		{nil, "opus", opusBase + ";maxplaybackrate=8000;sprop-maxcapturerate=8000"},
	} {
		m := newBrowser(t)
		mustAnswer(t, m, file(t, "chromium.sdp"), SendRecv)
		var far []Codec
		for _, name := range c.far {
			far = append(far, Codec{Name: name, Clock: 8000, Channels: 1}.normal())
		}
		answer, st, err := m.Revise(far...)
		if err != nil {
			t.Fatal(err)
		}
		if st.Recv.Name != c.want || st.Recv.Fmtp != c.fmtp {
			t.Errorf("far side %v: %+v, want %s with %q", c.far, st.Recv, c.want, c.fmtp)
		}
		if !strings.Contains(string(answer), "\r\no=- 42 1 IN") {
			t.Errorf("far side %v: the answer that is seen first is not version 1:\n%s", c.far, answer)
		}
		if again, _ := mustAnswer(t, m, file(t, "chromium.sdp"), SendRecv); again != string(answer) {
			t.Errorf("far side %v: the same offer gets another answer:\n%s", c.far, again)
		}
	}
}

func TestReviseNeedsAnAnswer(t *testing.T) {
	m := newTrunk(t)
	if _, _, err := m.Revise(staticCodecs[8]); !errors.Is(err, ErrNoOffer) {
		t.Errorf("nothing has been offered: %v", err)
	}
	if _, err := m.Offer(SendRecv); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Revise(staticCodecs[8]); !errors.Is(err, ErrNoOffer) {
		t.Errorf("the offer is ours: %v", err)
	}
}

func TestSuitKeepsOurOrderAmongWhatIsShared(t *testing.T) {
	m := New(Config{Codecs: codecNamed(t, "opus", "G722", "PCMA", "PCMU")})
	m.SetLocal(newTrunk(t).local)
	m.Suit(staticCodecs[0], staticCodecs[8], staticCodecs[18])
	text, err := m.Offer(SendRecv)
	if err != nil || !strings.Contains(string(text), "RTP/AVP 8 0 111 9 ") {
		t.Errorf("%v\n%s", err, text)
	}
}

// A codec in use stays in use while the peer has it.
func TestCodecInUseStays(t *testing.T) {
	m := newTrunk(t)
	text := file(t, "baresip.sdp")
	_, st := mustAnswer(t, m, text, SendRecv)
	if st.Recv.Name != "PCMA" {
		t.Fatalf("%+v", st.Recv)
	}
	m.cfg = m.cfg.Prefer("PCMU")
	if _, st = mustAnswer(t, m, text, SendRecv); st.Recv.Name != "PCMA" {
		t.Errorf("a repeated offer changes to %s", st.Recv.Name)
	}
	if _, st = mustAnswer(t, m, strings.Replace(text, "96 9 0 8 97", "96 9 0 97", 1), SendRecv); st.Recv.Name != "PCMU" {
		t.Errorf("an offer without it gets %s", st.Recv.Name)
	}
}

// A new answer to a peer behind NAT still knows where it signals from; one that would be the same is not made.
func TestRevise(t *testing.T) {
	public := netip.MustParseAddr("198.51.100.7")
	offered := strings.NewReplacer("198.51.100.20", "192.168.1.20").Replace(file(t, "baresip.sdp"))
	for far, same := range map[uint8]bool{8: true, 0: false} {
		m := newTrunk(t)
		m.SetPeer(public)
		first, st := mustAnswer(t, m, offered, SendRecv)
		if st.Recv.Name != "PCMA" || st.NAT != public {
			t.Fatalf("%+v", st)
		}
		answer, st, err := m.Revise(staticCodecs[far])
		if err != nil || st.Recv.PT != far || st.NAT != public || (string(answer) == first) != same {
			t.Errorf("far side %d: %+v, %v\n%s", far, st, err, answer)
		}
	}
}

// Comfort noise is taken where a trunk offers it, and stays through our re-offers; we never ask for it.
func TestComfortNoiseIsTakenNotAskedFor(t *testing.T) {
	m := newTrunk(t)
	with := strings.Replace(file(t, "baresip.sdp"), "96 9 0 8 97", "96 9 0 8 13 97", 1)
	answer, st := mustAnswer(t, m, with, SendRecv)
	if !st.Comfort || !strings.Contains(answer, "RTP/AVP 8 97 13\r\n") || !strings.Contains(answer, "a=rtpmap:13 CN/8000\r\n") {
		t.Errorf("%+v\n%s", st, answer)
	}
	again, err := m.Offer(SendRecv)
	if err != nil || !strings.Contains(string(again), " 13\r\n") {
		t.Errorf("%v\n%s", err, again)
	}
	if st, err = m.Answered([]byte(with)); err != nil || !st.Comfort || st.Send.Name != "PCMA" && st.Send.Name != "PCMU" {
		t.Errorf("%v %+v", err, st)
	}
	first, err := newTrunk(t).Offer(SendRecv)
	if err != nil || strings.Contains(string(first), " 13") {
		t.Errorf("%v\n%s", err, first)
	}
	if _, st := mustAnswer(t, newBrowser(t), file(t, "chromium.sdp"), SendRecv); st.Comfort {
		t.Error("a browser makes its own")
	}
}

// An answer with several codecs lets the peer change between them.
func TestCodecsInAnAnswer(t *testing.T) {
	for formats, want := range map[string]string{
		"0 8 97": "PCMU PCMA", "0 97": "PCMU", "8 9 0 97": "PCMA G722 PCMU", "8 97 13": "PCMA", "18 9 8": "G722 PCMA",
	} {
		m := New(Config{Codecs: codecNamed(t, "PCMA", "PCMU", "G722"), SessionID: 42, Username: "-"})
		m.SetLocal(newTrunk(t).local)
		if _, err := m.Offer(SendRecv); err != nil {
			t.Fatal(err)
		}
		st, err := m.Answered([]byte(strings.Replace(file(t, "baresip.sdp"), "96 9 0 8 97", formats, 1)))
		if err != nil {
			t.Fatal(err)
		}
		got := st.Recv.Name
		for _, o := range st.Also {
			if o.Place > 0 {
				got += " " + o.codec().Name
			}
		}
		if got != want {
			t.Errorf("%s: it may send %s, want %s", formats, got, want)
		}
	}
}
