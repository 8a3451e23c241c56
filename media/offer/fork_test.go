package offer

import (
	"errors"
	"strings"
	"testing"
)

// answerAt is a trunk's answer with its media at a port.
func answerAt(port string) []byte {
	return []byte(crlf(`
v=0
o=pbx 1 1 IN IP4 198.51.100.7
s=-
c=IN IP4 198.51.100.7
t=0 0
m=audio ` + port + ` RTP/AVP 8
a=sendrecv
`))
}

func TestForksAnswerApart(t *testing.T) {
	one := newTrunk(t)
	offered := mustOffer(t, one, SendRecv)
	if _, err := one.Answered(answerAt("30010")); err != nil {
		t.Fatal(err)
	}
	moved, _ := mustAnswer(t, one, string(answerAt("30012")), SendRecv) // what fork one agrees next is its own
	two := one.Fork()
	st, err := two.Answered(answerAt("30020"))
	if err != nil || st.Remote.Port() != 30020 {
		t.Fatalf("%v %v", st.Remote, err)
	}
	local, _ := one.Texts()
	if st := one.Current(); st.Remote.Port() != 30012 || string(local) != moved {
		t.Errorf("the first fork was moved to %v", st.Remote)
	}
	if again := mustOffer(t, two, SendRecv); !strings.HasPrefix(again, strings.SplitN(offered, "m=", 2)[0]) {
		t.Errorf("the second fork does not go on from the offer that made it:\n%s\n%s", offered, again)
	}
}

func TestSecondAnswerToTheSameOffer(t *testing.T) {
	m := newTrunk(t)
	if _, err := m.Reanswered(answerAt("30010")); !errors.Is(err, ErrNoOffer) {
		t.Errorf("before any offer: %v", err)
	}
	mustOffer(t, m, SendRecv)
	if _, err := m.Reanswered(answerAt("30010")); !errors.Is(err, ErrNoOffer) {
		t.Errorf("before the first answer: %v", err)
	}
	if _, err := m.Answered(answerAt("30010")); err != nil {
		t.Fatal(err)
	}
	before := snapshot(m)
	if _, err := m.Reanswered([]byte("nonsense")); err == nil {
		t.Error("nonsense is an answer")
	}
	unchanged(t, "nonsense", before, snapshot(m))
	if st, err := m.Reanswered(answerAt("30020")); err != nil || st.Remote.Port() != 30020 || m.Open() != Stable {
		t.Errorf("%v %v", st.Remote, err)
	}
	mustAnswer(t, m, string(answerAt("30030")), RecvOnly)
	if _, err := m.Reanswered(answerAt("30040")); !errors.Is(err, ErrNoOffer) {
		t.Errorf("behind another exchange: %v", err)
	}
}
