package rules

import (
	"bytes"
	"errors"
	"slices"
	"strconv"

	"drawbridge/sip/wire"
)

// Failures of Apply. There is no message then: a request is owed 500, a response goes nowhere.
var (
	ErrValue  = errors.New("a rule wrote what cannot stand there")
	ErrOutput = errors.New("what the rules made is no message that could be sent")
	ErrWork   = errors.New("the rules had more to read than is allowed for one message")
)

// Failure names the rule at fault, as far as one is.
type Failure struct {
	Rule string // set:row; "" when it was the whole
	Err  error
}

func (f *Failure) Error() string {
	if f.Rule == "" {
		return "rules: " + f.Err.Error()
	}
	return "rule " + f.Rule + ": " + f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// At is where a message crosses the border.
type At struct {
	Realm     string
	Direction Direction
}

// Result is what became of a message.
type Result struct {
	Message *wire.Message // the one given when no rule changed it; nil when it is rejected
	Hits    []string      // rules that did something, set:row, in order

	Status int    // of a rejection, else 0
	Reason string // its phrase, "" for the status's own
	Rule   string // that rejected
}

// Apply takes a message through the rules. The message given is not changed. What rules have changed is written, read again and
// compared in what must stay. Error: *Failure.
func (c Chain) Apply(at At, m *wire.Message) (Result, error) {
	e := editor{m: m}
	for i := range c.rules {
		r := &c.rules[i]
		if !r.meant(at, e.m) {
			continue
		}
		holds, err := e.holds(r)
		if err != nil {
			return Result{}, &Failure{r.label, err}
		}
		if !holds {
			continue
		}
		if r.do == doReject {
			if m.Method == wire.ACK || m.Method == wire.CANCEL || !m.IsRequest() {
				continue // nobody answers these so
			}
			return Result{Hits: append(e.hits, r.label), Status: r.code, Reason: r.phrase, Rule: r.label}, nil
		}
		if err := e.apply(r); err != nil {
			return Result{}, &Failure{r.label, err}
		}
	}
	if len(e.hits) == 0 {
		return Result{Message: m, Hits: e.hits}, nil
	}
	out, err := again(m, e.m)
	if err != nil {
		return Result{}, &Failure{"", err}
	}
	return Result{Message: out, Hits: e.hits}, nil
}

// meant reports whether a rule is for such a message.
func (r *rule) meant(at At, m *wire.Message) bool {
	request := m.IsRequest()
	switch {
	case r.realm != "" && r.realm != at.Realm, r.direction != "" && r.direction != at.Direction:
		return false
	case r.messages == "request" && !request, r.messages == "response" && request:
		return false
	case len(r.methods) > 0 && !slices.Contains(r.methods, m.CSeq.Method):
		return false
	case len(r.status) == 0:
		return true
	case request:
		return false
	}
	code := strconv.Itoa(m.Status)
	return slices.ContainsFunc(r.status, func(s string) bool { return s == code || s[1:] == "xx" && s[0] == code[0] })
}

// editor is the work on one message.
type editor struct {
	m    *wire.Message
	own  bool // m is a copy that may be written to
	vars variables
	work int
	hits []string
}

// holds judges the conditions of a rule and keeps what they catch.
func (e *editor) holds(r *rule) (bool, error) {
	kept := len(e.vars)
	for i := range r.when {
		w := &r.when[i]
		hit, err := e.asks(r, w)
		if err != nil {
			return false, err
		}
		if hit == w.not {
			e.vars = e.vars[:kept]
			return false, nil
		}
	}
	return true, nil
}

// asks judges one condition as if it were not negated.
func (e *editor) asks(r *rule, w *condition) (hit bool, err error) {
	_ = w.of.each(e.m, func(v string) (string, bool) { // what is read is not refused
		switch {
		case hit || err != nil:
		case w.match == nil:
			hit = v != "" || w.of.part == param || w.of.part == uriParam
		default:
			if err = e.look(v); err == nil && w.match.MatchString(v) {
				hit = true
				e.catch(r, w, v)
			}
		}
		return v, true
	}, false)
	return hit, err
}

// catch keeps what the named groups of a condition have caught.
func (e *editor) catch(r *rule, w *condition, v string) {
	if !w.catches {
		return
	}
	at := w.match.FindStringSubmatchIndex(v)
	for n, name := range w.match.SubexpNames() {
		if name != "" && at[2*n] >= 0 {
			e.vars = append(e.vars, struct{ name, value string }{r.set + ":" + name, v[at[2*n]:at[2*n+1]]})
		}
	}
}

// look counts what patterns are shown.
func (e *editor) look(v string) error {
	if e.work += len(v); e.work > maxWork || len(v) > maxValue {
		return ErrWork
	}
	return nil
}

// apply does what the rule says.
func (e *editor) apply(r *rule) error {
	if !r.to.ready(e.vars) {
		return nil
	}
	if !e.own { // from here on the copy is worked on; parameters are never written in place
		m := *e.m
		m.Fields = slices.Clone(m.Fields)
		e.m, e.own = &m, true
	}
	changed, err := e.change(r, e.m)
	if changed {
		e.hits = append(e.hits, r.label)
	}
	return err
}

// change carries out one rule on a message that may be written to.
func (e *editor) change(r *rule, m *wire.Message) (changed bool, err error) {
	switch r.do {
	case doReplace:
		return e.replace(r, m)
	case doRemove:
		return e.remove(r, m)
	case doCopy:
		value := r.from.first(m)
		if value == "" {
			return false, nil
		}
		return write(m, r.of, false, []byte(value))
	default: // add, set: the others have been done by now
		value := r.to.expand(nil, e.vars, "", nil)
		if len(value) == 0 {
			return false, nil
		}
		return write(m, r.of, r.do == doAdd, value)
	}
}

// write puts a value into its element.
func write(m *wire.Message, of element, another bool, value []byte) (changed bool, err error) {
	if len(value) > maxValue || of.place != body && control(value) {
		return false, ErrValue
	}
	if another {
		m.Add(of.name, string(value))
		return true, nil
	}
	return of.put(m, string(value))
}

func (e *editor) replace(r *rule, m *wire.Message) (changed bool, err error) {
	var wrong error
	err = r.of.each(m, func(old string) (string, bool) {
		if wrong = first(wrong, e.look(old)); wrong != nil {
			return old, true
		}
		if !r.match.MatchString(old) {
			return old, true
		}
		value := e.substitute(r, old)
		if len(value) > maxValue || r.of.place != body && control(value) {
			wrong = ErrValue
			return old, true
		}
		changed = changed || string(value) != old
		return string(value), true
	}, true)
	return changed, first(wrong, err)
}

// first is the first of two errors.
func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// substitute puts the rule's value in place of everything that its pattern finds.
func (e *editor) substitute(r *rule, old string) []byte {
	var out []byte
	end := 0
	for _, at := range r.match.FindAllStringSubmatchIndex(old, -1) {
		out = append(out, old[end:at[0]]...)
		out = r.to.expand(out, e.vars, old, at)
		end = at[1]
		if len(out) > maxValue {
			return out // too long already
		}
	}
	return append(out, old[end:]...)
}

func (e *editor) remove(r *rule, m *wire.Message) (changed bool, err error) {
	var wrong error
	err = r.of.each(m, func(old string) (string, bool) {
		if r.match != nil {
			if wrong = first(wrong, e.look(old)); wrong != nil || !r.match.MatchString(old) {
				return old, true
			}
		}
		changed = changed || old != "" || r.of.part != display
		return "", false
	}, true)
	return changed, first(wrong, err)
}

// again writes the message and reads it as one that came from outside. What a message is known by has to be as it was.
func again(was, m *wire.Message) (*wire.Message, error) {
	raw := m.Bytes()
	if len(raw) > wire.MaxMessage {
		return nil, ErrOutput
	}
	out, verdict := wire.Read(raw, wire.CanonOptions{})
	if out == nil || verdict.Status != 0 {
		return nil, ErrOutput
	}
	out.Compact = was.Compact
	same := out.Method == was.Method && out.Status == was.Status && out.CSeq == was.CSeq && out.CallID == was.CallID &&
		out.FromTag() == was.FromTag() && out.ToTag() == was.ToTag() && out.MaxForwards == was.MaxForwards &&
		bytes.Equal(standing(out), standing(was))
	if !same {
		return nil, ErrOutput
	}
	return out, nil
}

// standing is what of a message routes it, written out.
func standing(m *wire.Message) []byte {
	only := wire.Message{Method: m.Method, Status: m.Status, URI: wire.URI{Scheme: "sip", Host: "x.invalid"}, Via: m.Via, Route: m.Route, RecordRoute: m.RecordRoute, Contact: m.Contact, ContactStar: m.ContactStar, Expires: m.Expires, MaxForwards: -1}
	return only.Bytes()
}
