package dialog

import (
	"strings"

	"drawbridge/sip/wire"
)

// Pack keeps the addresses of the dialog as one line of text each, a quarter of what they take when they are taken apart, and lets go of
// the messages that they came from. They are read back when the dialog is used again; it may be packed at any time.
func (d *Dialog) Pack() {
	e := d.ends
	if e == nil {
		return
	}
	var b []byte
	for _, a := range append([]wire.Addr{e.local, e.remote, e.contact, {URI: e.target}}, e.routes...) {
		b = append(a.Append(b), '\n') // what is written has no line end in it
	}
	text := string(b)
	if _, ok := unpack(text); !ok {
		return
	}
	id := strings.Clone(d.id.CallID + d.id.LocalTag + d.id.RemoteTag)
	call, local := len(d.id.CallID), len(d.id.CallID)+len(d.id.LocalTag)
	d.id = ID{CallID: id[:call], LocalTag: id[call:local], RemoteTag: id[local:]}
	d.packed, d.ends = text, nil
}

// open returns the addresses, taken apart.
func (d *Dialog) open() *ends {
	if d.ends == nil {
		e, _ := unpack(d.packed) // Pack has tried it
		d.ends, d.packed = &e, ""
	}
	return d.ends
}

func unpack(text string) (e ends, ok bool) {
	var all []wire.Addr
	for line := range strings.Lines(text) {
		a, err := wire.ParseAddr(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return e, false
		}
		all = append(all, a)
	}
	if len(all) < 4 {
		return e, false
	}
	return ends{local: all[0], remote: all[1], contact: all[2], target: all[3].URI, routes: all[4:]}, true
}
