package txn

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drawbridge/sip/wire"
)

var errEdited = errors.New("no such message leaves")

// fakeEditor gives what leaves a Subject; nothing in "stopped" leaves, and what is in "replaced" leaves with an error.
type fakeEditor struct {
	fakeUser
	stopped, replaced string
}

func (e *fakeEditor) Edit(m *wire.Message) (*wire.Message, error) {
	if strings.Contains(e.stopped, word(m)) {
		return nil, errEdited
	}
	edited := *m
	edited.Fields = append([]wire.Field{{Name: "Subject", Value: "edited"}}, m.Fields...)
	if strings.Contains(e.replaced, word(m)) {
		edited.Status = 500
		return &edited, errEdited
	}
	return &edited, nil
}

// words are the start lines of what was sent.
func words(f *fakeFlow) (out []string) {
	for _, m := range f.sent {
		out = append(out, word(m))
	}
	return out
}

func edited(m *wire.Message) bool { return m.Get("Subject") == "edited" }

func TestEditorOfRequests(t *testing.T) {
	b, f := newBench(t), newFakeFlow("198.51.100.1:5060", false)
	m := request(wire.INVITE, "", "")
	m.Via = nil
	cl, err := b.sh.Request(f, m, &fakeEditor{})
	if err != nil {
		t.Fatal(err)
	}
	cl.provisional(wire.NewResponse(f.sent[0], 180, "", "t"))
	cl.Cancel()
	cl.response(wire.NewResponse(f.sent[0], 486, "", "t"))
	if diff := cmp.Diff([]string{"INVITE", "CANCEL", "ACK"}, words(f)); diff != "" {
		t.Fatal(diff)
	}
	if !edited(f.sent[0]) || m.Has("Subject") {
		t.Error("the INVITE is not the edited one, or the message itself was changed")
	}
	f.sent = nil
	m = request(wire.OPTIONS, "", "")
	if cl, err := b.sh.Request(f, m, &fakeEditor{stopped: "OPTIONS"}); cl != nil || !errors.Is(err, errEdited) || len(f.sent) > 0 {
		t.Errorf("stopped: %v, %v, sent %d", cl, err, len(f.sent))
	}
}

func TestEditorOfResponses(t *testing.T) {
	d := newServerDrive(t, wire.INVITE, false)
	d.tx.Through(&fakeEditor{stopped: "180", replaced: "200"})
	if err := d.tx.Respond(wire.NewResponse(d.req, 180, "", "x")); !errors.Is(err, errEdited) || len(d.flow.sent) > 0 {
		t.Errorf("180: %v, sent %d", err, len(d.flow.sent))
	}
	if err := d.tx.Respond(wire.NewResponse(d.req, 183, "", "x")); err != nil || !edited(d.flow.sent[0]) {
		t.Errorf("183: %v, sent %v", err, words(d.flow))
	}
	if err := d.tx.Respond(wire.NewResponse(d.req, 200, "", "x")); !errors.Is(err, errEdited) || d.tx.state != serverCompleted {
		t.Errorf("200 as 500: %v, state %s", err, serverStates[d.tx.state])
	}
	if diff := cmp.Diff([]string{"183", "500"}, words(d.flow)); diff != "" {
		t.Error(diff)
	}

	d = newServerDrive(t, wire.OPTIONS, false)
	d.tx.Through(&fakeEditor{})
	d.tx.Dismiss(d.req, 403)
	if len(d.flow.sent) != 1 || !edited(d.flow.sent[0]) {
		t.Errorf("dismissed with %v", words(d.flow))
	}
	d.b.left(t)
}
