package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// emitAll calls every emitter by reflection, so that a new event type cannot be forgotten.
func emitAll(t *testing.T, l Listener) (names []string) {
	t.Helper()
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		emitter := v.MethodByName("Emit" + name)
		if !emitter.IsValid() {
			t.Fatalf("Listener.%s has no emitter Emit%s", name, name)
		}
		emitter.Call([]reflect.Value{reflect.Zero(emitter.Type().In(0))})
		names = append(names, name)
	}
	return names
}

// recorder notes the name of each event it hears, under prefix.
func recorder(prefix string, heard *[]string) Listener {
	var l Listener
	v := reflect.ValueOf(&l).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		v.Field(i).Set(reflect.MakeFunc(v.Field(i).Type(), func([]reflect.Value) []reflect.Value {
			*heard = append(*heard, prefix+name)
			return nil
		}))
	}
	return l
}

func TestEmittersOfTheZeroListenerAreSilent(t *testing.T) {
	emitAll(t, Listener{})
	emitAll(t, Tee())
	emitAll(t, Tee(Listener{}, Listener{}))
}

func TestTeeHandsEveryEventToEachInOrder(t *testing.T) {
	var heard, want []string
	l := Tee(recorder("1", &heard), Listener{}, recorder("2", &heard))
	for _, name := range emitAll(t, l) {
		want = append(want, "1"+name, "2"+name)
	}
	if d := cmp.Diff(want, heard); d != "" {
		t.Error(d)
	}
}

func TestRefusedWithoutACountStandsForOne(t *testing.T) {
	var got Refused
	l := Listener{Refused: func(e Refused) { got = e }}
	l.EmitRefused(Refused{Kind: "malformed"})
	if got.Count != 1 {
		t.Errorf("count %d, want 1", got.Count)
	}
	l.EmitRefused(Refused{Kind: "malformed", Count: 7})
	if got.Count != 7 {
		t.Errorf("count %d, want 7", got.Count)
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"+4930123456", "+49****56"},
		{"0044 20 7031-3000", "004****00"},
		{"110", "110"},
		{"123456", "123456"},
		{"alice", "alice"},
		{"longname7", "longname7"},
		{"", ""},
	} {
		if got := Mask(c.in); got != c.want {
			t.Errorf("Mask(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestAddressesOfRecordAreMaskedInTheLog(t *testing.T) {
	l, lines := logged(t)
	l.EmitRegistered(Registered{AOR: "sip:+4930123456@voice.example.com"})
	l.EmitUnregistered(Unregistered{AOR: "sip:alice@voice.example.com"})
	got := lines()
	if got[0]["aor"] != "sip:+49****56@voice.example.com" || got[1]["aor"] != "sip:alice@voice.example.com" {
		t.Errorf("got %v", got)
	}
}

// logged returns a JSON sink and a function that takes the lines written since the last call.
func logged(t *testing.T) (Listener, func() []map[string]any) {
	var buf lockedBuffer
	log := slog.New(slog.NewJSONHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return Slog(log), func() (lines []map[string]any) {
		t.Helper()
		for line := range strings.Lines(buf.take()) {
			m := map[string]any{}
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("not one JSON object a line: %q", line)
			}
			lines = append(lines, m)
		}
		return lines
	}
}

// lockedBuffer may be written by timers while the test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buf.Reset()
	return b.buf.String()
}

func TestRefusalsAreSummedToOneLineAKindAndSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, lines := logged(t)
		counts := func() (got []float64) {
			synctest.Wait()
			for _, m := range lines() {
				got = append(got, m["count"].(float64))
			}
			return got
		}
		for range 1000 {
			l.EmitRefused(Refused{Kind: "malformed", Source: "192.0.2.1"})
		}
		if d := cmp.Diff([]float64{1}, counts()); d != "" {
			t.Errorf("at once: %s", d)
		}
		time.Sleep(burstWindow)
		if d := cmp.Diff([]float64{999}, counts()); d != "" {
			t.Errorf("after the window: %s", d)
		}
		l.EmitRefused(Refused{Kind: "malformed", Count: 5})
		l.EmitRefused(Refused{Kind: "overload", Count: 3})
		if d := cmp.Diff([]float64{3}, counts()); d != "" {
			t.Errorf("the second window is open, another kind is not held: %s", d)
		}
		time.Sleep(burstWindow)
		if d := cmp.Diff([]float64{5}, counts()); d != "" {
			t.Errorf("after the second window: %s", d)
		}
		time.Sleep(2 * burstWindow)
		l.EmitRefused(Refused{Kind: "malformed"})
		if d := cmp.Diff([]float64{1}, counts()); d != "" {
			t.Errorf("after silence: %s", d)
		}
		l.EmitRefused(Refused{Kind: "malformed", Count: 2})
		l.EmitLifecycle(Lifecycle{What: "stopped"})
		got := lines()
		if len(got) != 2 || got[0]["count"] != float64(2) || got[1]["msg"] != "stopped" {
			t.Errorf("what is held back is written before the end: %v", got)
		}
		time.Sleep(2 * burstWindow)
	})
}

func TestBurstKindsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, lines := logged(t)
		for i := range 10 * burstKinds {
			l.EmitRejected(Rejected{Rule: "r", Status: i})
		}
		if n := len(lines()); n > burstKinds+1 {
			t.Errorf("%d lines at once, want at most %d", n, burstKinds+1)
		}
		time.Sleep(3 * burstWindow)
		synctest.Wait()
		got := lines()
		if len(got) != 1 || got[0]["count"] != float64(9*burstKinds-1) {
			t.Errorf("the rest shares one line: %v", got)
		}
	})
}

func TestWireTextCannotForgeALine(t *testing.T) {
	l, lines := logged(t)
	evil := "x\x1b[2J\r\n{\"msg\":\"fake\"}"
	l.EmitCallEnded(&CallEnded{Call: "c1", From: evil, To: "+4930123456", Cause: Cause{Text: evil}})
	got := lines() // fails when there is more than one object a line, or none
	if len(got) != 1 || got[0]["msg"] != "call ended" {
		t.Fatalf("got %v", got)
	}
	if got[0]["to"] != "+49****56" {
		t.Errorf("number not masked: %v", got[0]["to"])
	}

	var text bytes.Buffer
	tl := Slog(slog.New(slog.NewTextHandler(&text, nil)))
	tl.EmitCallEnded(&CallEnded{From: evil})
	if s := strings.TrimSuffix(text.String(), "\n"); strings.ContainsAny(s, "\r\n\x1b") {
		t.Errorf("control characters reach the text log: %q", s)
	}
}

func TestAnUnheardEventDoesNotAllocate(t *testing.T) {
	l := Tee(Listener{}, Listener{})
	if n := testing.AllocsPerRun(100, func() { l.EmitRefused(Refused{Kind: "rtp-source"}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
