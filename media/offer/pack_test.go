package offer

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// filler gives every field of a value something of its own.
type filler struct{ n int }

func (f *filler) fill(v reflect.Value) {
	v = reach(v)
	f.n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(-f.n % 128))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.n % 256))
	case reflect.String:
		v.SetString(fmt.Sprint("word ", f.n, strings.Repeat("x", f.n%20)))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Type() == streamType {
			f.fill(v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == addrType {
			v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{192, 0, 2, byte(f.n)})))
			return
		}
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	default:
		panic(v.Kind())
	}
}

// TestPackKeepsEverything: whatever a state holds, now or in a later version, it holds when the machine wakes.
func TestPackKeepsEverything(t *testing.T) {
	all := cmp.Exporter(func(reflect.Type) bool { return true })
	addrs := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	for name, fill := range map[string]func(*state){
		"nothing":    func(*state) {},
		"everything": func(s *state) { new(filler).fill(reflect.ValueOf(s).Elem()) },
		"IPv6": func(s *state) {
			s.peer = netip.MustParseAddr("fe80::1%eth0")
			s.agreed.local = []byte(strings.Repeat("the same text ", 9))
			s.sent.text, s.agreed.slots = s.agreed.local, []slot{}
		},
	} {
		m := New(Config{})
		fill(m.state)
		want := *m.state
		m.pack()
		if m.state != nil {
			t.Fatalf("%s: not packed", name)
		}
		if got := m.Gist(); got.Codec != want.agreed.was().Send.Name || got.SDES != (want.agreed.was().SDES != nil) {
			t.Errorf("%s: %+v", name, got)
		}
		m.wake()
		if d := cmp.Diff(want, *m.state, all, addrs); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if m.tried != want.tried || m.agreed.was().SDES != want.agreed.was().SDES {
			t.Errorf("%s: what was shared is a copy", name)
		}
	}
}

// TestEveryQuestionWakes: no exported method may meet a packed machine.
func TestEveryQuestionWakes(t *testing.T) {
	for i := range reflect.TypeFor[*Machine]().NumMethod() {
		m := New(Config{})
		m.pack()
		method := reflect.ValueOf(m).Method(i)
		var args []reflect.Value
		for k := range method.Type().NumIn() {
			if !method.Type().IsVariadic() || k < method.Type().NumIn()-1 {
				args = append(args, reflect.Zero(method.Type().In(k)))
			}
		}
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%s: %v", reflect.TypeFor[*Machine]().Method(i).Name, r)
				}
			}()
			method.Call(args)
		}()
	}
}

// TestPackedIsSmall: it is worth the trouble for a call that lasts.
func TestPackedIsSmall(t *testing.T) {
	m := newTrunk(t)
	text, _ := mustAnswer(t, m, file(t, "baresip.sdp"), SendRecv)
	m.Forget()
	if limit := len(text) + len(file(t, "baresip.sdp")) + 400; m.rest == nil || len(m.rest.text) > limit {
		t.Errorf("%+v", m.rest)
	}
	if again, _ := mustAnswer(t, m, file(t, "baresip.sdp"), SendRecv); again != text {
		t.Errorf("after the rest\n%s\nbefore\n%s", again, text)
	}
}
