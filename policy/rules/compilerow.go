package rules

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"drawbridge/sip/wire"
)

// rowCompiler makes a rule of one row and tells of every mistake in it.
type rowCompiler struct {
	row     Row
	set     string
	known   []string // variables that can have been caught
	problem func(key string, when int, err error)
	rule    rule
}

func (c *rowCompiler) compile() {
	c.rule.do = actions[c.row.Do]
	if c.rule.do == 0 {
		c.problem("do", -1, ErrAction)
		return
	}
	c.fits()
	if c.rule.do == doUse {
		c.rule.use = c.row.To
		return
	}
	c.scope()
	for i, w := range c.row.When {
		c.condition(i, w)
	}
	c.edit()
}

// wanted are the keys that an action needs ('!') and may have ('?').
var wanted = map[action]string{
	doAdd: "of! to!", doSet: "of! to!", doReplace: "of! match! to?", doRemove: "of! match?", doCopy: "of! from!", doReject: "to? code?", doUse: "to!",
}

// fits compares what the row has with what its action needs.
func (c *rowCompiler) fits() {
	r := c.row
	for _, k := range []struct {
		key   string
		there bool
	}{{"of", r.Of != ""}, {"match", r.Match != ""}, {"to", r.To != ""}, {"from", r.From != ""}, {"code", r.Code != 0}} {
		needs, may := strings.Contains(wanted[c.rule.do], k.key+"!"), strings.Contains(wanted[c.rule.do], k.key+"?")
		switch {
		case needs && !k.there:
			c.problem(k.key, -1, ErrNeeded)
		case k.there && !needs && !may:
			c.problem(k.key, -1, ErrUnneeded)
		}
	}
	if c.rule.do != doUse {
		return
	}
	for _, k := range []struct {
		key   string
		there bool
	}{{"realm", r.Realm != ""}, {"direction", r.Direction != ""}, {"messages", r.Messages != ""}, {"methods", len(r.Methods) > 0}, {"status", len(r.Status) > 0}, {"when", len(r.When) > 0}} {
		if k.there {
			c.problem(k.key, -1, ErrUnneeded)
		}
	}
}

// scope reads for which messages the row is.
func (c *rowCompiler) scope() {
	r := c.row
	c.rule.realm, c.rule.direction, c.rule.messages = r.Realm, Direction(r.Direction), r.Messages
	if !slices.Contains([]string{"", "in", "out"}, r.Direction) {
		c.problem("direction", -1, ErrScope)
	}
	if !slices.Contains([]string{"", "request", "response"}, r.Messages) {
		c.problem("messages", -1, ErrScope)
	}
	for _, m := range r.Methods {
		if !token(m) || m != strings.ToUpper(m) {
			c.problem("methods", -1, ErrScope)
		}
		c.rule.methods = append(c.rule.methods, wire.Method(m))
	}
	for _, s := range r.Status {
		s = strings.ToLower(s)
		if len(s) != 3 || s[0] < '1' || s[0] > '6' || strings.Trim(s[1:], "0123456789") != "" && s[1:] != "xx" {
			c.problem("status", -1, ErrScope)
		}
		c.rule.status = append(c.rule.status, s)
	}
	if len(r.Status) > 0 && r.Messages == "request" {
		c.problem("status", -1, ErrScope)
	}
	if c.rule.do == doReject && (len(r.Status) > 0 || r.Messages == "response") {
		c.problem("do", -1, ErrScope) // a response is not answered
	}
}

func (c *rowCompiler) condition(i int, w Condition) {
	of, err := parseElement(w.Of)
	if err != nil {
		c.problem("of", i, err)
	}
	one := condition{of: of, not: w.Not}
	if w.Match != "" {
		one.match = c.pattern(w.Match, i)
	}
	if one.match != nil && !w.Not {
		for _, name := range one.match.SubexpNames() {
			if name != "" {
				c.known = append(c.known, name)
				one.catches = true
			}
		}
	}
	c.rule.when = append(c.rule.when, one)
}

// edit reads what the row does.
func (c *rowCompiler) edit() {
	r := &c.rule
	if c.row.Of != "" {
		r.of = c.element("of", c.row.Of)
	}
	if c.row.From != "" {
		var err error
		if r.from, err = parseElement(c.row.From); err != nil {
			c.problem("from", -1, err)
		}
	}
	if c.row.Match != "" {
		r.match = c.pattern(c.row.Match, -1)
	}
	if r.do == doReject {
		c.answer()
		return
	}
	var groups *regexp.Regexp
	if r.do == doReplace {
		if groups = r.match; groups == nil {
			return // told already
		}
	}
	var err error
	if r.to, err = compileTemplate(c.row.To, groups, c.set, c.known, r.of.place == body); err != nil {
		c.problem("to", -1, err)
	}
}

// element reads the element that the row writes.
func (c *rowCompiler) element(key, name string) element {
	e, err := parseElement(name)
	switch {
	case err != nil:
	case !e.writable():
		err = ErrReadOnly
	case c.rule.do == doRemove && !e.removable(), c.rule.do == doAdd && (e.place != header || e.part != whole):
		err = ErrReadOnly
	case c.rule.do == doRemove && c.row.Match != "" && e.part != whole:
		c.problem("match", -1, ErrUnneeded)
	}
	if err != nil {
		c.problem(key, -1, err)
	}
	return e
}

// answer reads what a reject says.
func (c *rowCompiler) answer() {
	c.rule.code, c.rule.phrase = c.row.Code, c.row.To
	if c.rule.code == 0 {
		c.rule.code = 403
	}
	if c.rule.code < 400 || c.rule.code > 699 {
		c.problem("code", -1, ErrScope)
	}
	if len(c.row.To) > 128 {
		c.problem("to", -1, ErrTemplate)
	}
	if control(c.row.To) {
		c.problem("to", -1, ErrControl)
	}
}

// pattern compiles a regular expression whose size is bounded, as its time is.
func (c *rowCompiler) pattern(s string, when int) *regexp.Regexp {
	if len(s) <= maxPattern {
		if tree, err := syntax.Parse(s, syntax.Perl); err == nil {
			if prog, err := syntax.Compile(tree.Simplify()); err == nil && len(prog.Inst) <= maxProgram {
				if re, err := regexp.Compile(s); err == nil {
					return re
				}
			}
		}
	}
	c.problem("match", when, ErrPattern)
	return nil
}
