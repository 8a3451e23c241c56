package offer

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"slices"
	"unsafe"
)

// A machine at rest takes two kilobytes, nearly all of it empty fields, words that stand elsewhere as well, and room for more. Packed it is
// the texts of its two SDP and a hundred bytes. Every exported method that looks at the state wakes the machine first.

// rest is a packed state. It is taken by reflection, so that no field can be forgotten.
type rest struct {
	text string // scalars as varints, words behind their length
	refs []any  // pointers, in order: what they point to is shared with others
	gist Gist
}

// pack takes the state into a small form, until something is asked of the machine.
func (m *Machine) pack() {
	if m.state == nil {
		return
	}
	p := packer{out: make([]byte, 0, 1024)}
	p.value(reflect.ValueOf(m.state).Elem())
	gist := m.Gist()
	gist.Codec = kept(gist.Codec)
	m.rest, m.state = &rest{string(p.out), slices.Clip(p.refs), gist}, nil
}

// wake takes the state apart again.
func (m *Machine) wake() {
	if m.state != nil {
		return
	}
	u := unpacker{rest: *m.rest}
	m.state, m.rest = new(state), nil
	u.value(reflect.ValueOf(m.state).Elem())
}

// Gist is what a call record says of the agreed stream.
type Gist struct {
	Codec      string // of what we send, "" when nothing is agreed
	SDES, DTLS bool   // where the keys come from
}

// Gist wakes nobody: it may be asked of many calls at once.
func (m *Machine) Gist() Gist {
	if m.state == nil {
		return m.rest.gist
	}
	st := m.agreed.was()
	return Gist{Codec: st.Send.Name, SDES: st.SDES != nil, DTLS: st.Fingerprint != ""}
}

// repeated is the length of a word from which on its second copy is a reference to the first.
const repeated = 4

// Kinds of words.
const (
	noWord   = iota // a nil slice
	newWord         // length and bytes follow
	sameWord        // the number of an earlier word follows
)

var (
	addrType   = reflect.TypeFor[netip.Addr]()
	streamType = reflect.TypeFor[*Stream]()
)

type packer struct {
	out   []byte
	words []string // the long ones
	refs  []any
}

func (p *packer) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		p.out = append(p.out, flag(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.out = binary.AppendVarint(p.out, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.out = binary.AppendUvarint(p.out, v.Uint())
	case reflect.String:
		p.word(v.String())
	case reflect.Pointer:
		p.pointer(v)
	case reflect.Slice:
		p.slice(v)
	case reflect.Array:
		for i := range v.Len() {
			p.value(v.Index(i))
		}
	case reflect.Struct:
		p.fields(v)
	default:
		panic("offer: a state cannot hold a " + v.Kind().String())
	}
}

func (p *packer) pointer(v reflect.Value) {
	p.out = append(p.out, flag(!v.IsNil()))
	switch {
	case v.IsNil():
	case v.Type() == streamType: // media has its own copy: when a call is at rest, nobody else holds this one
		p.value(v.Elem())
	default:
		p.refs = append(p.refs, reach(v).Interface())
	}
}

func (p *packer) fields(v reflect.Value) {
	if v.Type() == addrType {
		b, _ := reach(v).Interface().(netip.Addr).MarshalBinary() // it has no way to fail
		p.word(string(b))
		return
	}
	for i := range v.NumField() {
		p.value(v.Field(i))
	}
}

func (p *packer) slice(v reflect.Value) {
	switch {
	case v.IsNil():
		p.out = append(p.out, noWord)
	case v.Type().Elem().Kind() == reflect.Uint8:
		p.word(string(v.Bytes()))
	default:
		p.out = binary.AppendUvarint(append(p.out, newWord), uint64(v.Len()))
		for i := range v.Len() {
			p.value(v.Index(i))
		}
	}
}

func (p *packer) word(s string) {
	if i := slices.Index(p.words, s); i >= 0 {
		p.out = binary.AppendUvarint(append(p.out, sameWord), uint64(i))
		return
	}
	if len(s) >= repeated {
		p.words = append(p.words, s)
	}
	p.out = append(binary.AppendUvarint(append(p.out, newWord), uint64(len(s))), s...)
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// reach makes a field that is not exported accessible. v is addressable: it is a part of what a pointer points to.
func reach(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// unpacker reads what a packer has written, and nothing else.
type unpacker struct {
	rest
	words []string
}

func (u *unpacker) value(v reflect.Value) {
	v = reach(v)
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(u.byte() == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := u.uvarint()
		v.SetInt(int64(n>>1) ^ -int64(n&1))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(u.uvarint())
	case reflect.String:
		v.SetString(u.word(u.byte()))
	case reflect.Pointer:
		if u.byte() == 1 {
			u.pointer(v)
		}
	case reflect.Slice:
		u.slice(v)
	case reflect.Array:
		for i := range v.Len() {
			u.value(v.Index(i))
		}
	default:
		u.fields(v)
	}
}

func (u *unpacker) pointer(v reflect.Value) {
	if v.Type() == streamType {
		v.Set(reflect.New(streamType.Elem()))
		u.value(v.Elem())
		return
	}
	v.Set(reflect.ValueOf(u.refs[0]))
	u.refs = u.refs[1:]
}

func (u *unpacker) fields(v reflect.Value) {
	if v.Type() == addrType {
		var a netip.Addr
		_ = a.UnmarshalBinary([]byte(u.word(u.byte()))) // it was written by MarshalBinary
		v.Set(reflect.ValueOf(a))
		return
	}
	for i := range v.NumField() {
		u.value(v.Field(i))
	}
}

func (u *unpacker) slice(v reflect.Value) {
	kind := u.byte()
	switch {
	case kind == noWord:
	case v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte(u.word(kind)))
	default:
		n := int(u.uvarint())
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			u.value(v.Index(i))
		}
	}
}

// word reads a word of a kind.
func (u *unpacker) word(kind byte) string {
	n := int(u.uvarint())
	if kind == sameWord {
		return u.words[n]
	}
	s := u.text[:n]
	u.text = u.text[n:]
	if n >= repeated {
		u.words = append(u.words, s)
	}
	return s
}

func (u *unpacker) byte() byte {
	b := u.text[0]
	u.text = u.text[1:]
	return b
}

func (u *unpacker) uvarint() (n uint64) {
	for shift := 0; ; shift += 7 {
		b := u.byte()
		if n |= uint64(b&0x7f) << shift; b < 0x80 {
			return n
		}
	}
}
