package rules

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"drawbridge/sip/wire"
)

// Mistakes of rows.
var (
	ErrAction   = errors.New("do is none of add, set, replace, remove, copy, reject and use")
	ErrElement  = errors.New("no element: a header, Request-URI, From, To, body or Reason-Phrase, perhaps with .user, .host, .display, .param.NAME or .uri-param.NAME")
	ErrSealed   = errors.New("no rule touches this: transactions, dialogs and credentials stand on it")
	ErrReadOnly = errors.New("a condition may ask for it, but no rule writes it whole: its parts, such as From.user")
	ErrPattern  = errors.New("the pattern is no regular expression (RE2) of at most 512 bytes, or too large a one")
	ErrTemplate = errors.New("the value is longer than 1024 bytes, or has a $ that is none of $1, ${name} and $$")
	ErrControl  = errors.New("a line break or another control character")
	ErrVariable = errors.New("there is no such group in match, and none of that name in a condition of this row or one before it")
	ErrScope    = errors.New("this never holds")
	ErrRows     = errors.New("more than 200 rows in a set, or more than 500 with those that it uses")
	ErrUse      = errors.New("there is no such set")
	ErrLoop     = errors.New("sets use each other in a circle")
	ErrNeeded   = errors.New("is needed for this action")
	ErrUnneeded = errors.New("means nothing for this action")
)

// Problem is a mistake and where it is.
type Problem struct {
	Set  string
	Row  int    // from 0
	Key  string // of the row
	When int    // index of the condition, -1 when it is not in one
	Err  error
}

// rule is a compiled row.
type rule struct {
	label     string // set:row, from 1
	set       string
	realm     string
	direction Direction
	messages  string
	methods   []wire.Method
	status    []string
	when      []condition

	do       action
	of, from element // from of copy
	match    *regexp.Regexp
	to       template
	code     int
	phrase   string
	use      string
}

type condition struct {
	of    element
	match *regexp.Regexp // nil: to be there is enough
	not   bool

	catches bool // match has named groups that are kept
}

// Book is every set, compiled.
type Book struct{ sets map[string]Chain }

// Chain is the rules that a message meets, in order. The zero value changes nothing.
type Chain struct{ rules []rule }

// Len is the number of rules.
func (c Chain) Len() int { return len(c.rules) }

// Names are those of the sets, sorted.
func (b Book) Names() []string { return slices.Sorted(maps.Keys(b.sets)) }

// Chain is the rules of some sets, one after the other. ok is false when one does not exist or there are more than 500 rules.
func (b Book) Chain(names ...string) (c Chain, ok bool) {
	for _, n := range names {
		s, ok := b.sets[n]
		if !ok {
			return Chain{}, false
		}
		c.rules = append(c.rules, s.rules...)
	}
	return c, len(c.rules) <= maxChain
}

// Then is the rules of c, and behind them those of d.
func (c Chain) Then(d Chain) Chain { return Chain{slices.Concat(c.rules, d.rules)} }

// Compile reads sets of rows. With problems there is no book.
func Compile(sets map[string][]Row) (Book, []Problem) {
	c := compiler{rows: sets, own: map[string][]rule{}, whole: map[string][]rule{}}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		c.set(name)
	}
	book := Book{sets: map[string]Chain{}}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		book.sets[name] = Chain{c.flat(name, nil)}
	}
	if len(c.problems) > 0 {
		return Book{}, c.problems
	}
	return book, nil
}

type compiler struct {
	rows     map[string][]Row
	own      map[string][]rule
	whole    map[string][]rule // sets with those that they use in their places
	problems []Problem
}

func (c *compiler) set(name string) {
	rows := c.rows[name]
	if len(rows) > maxRows {
		c.problems = append(c.problems, Problem{Set: name, Row: maxRows, When: -1, Err: ErrRows})
		return
	}
	var known []string
	for i, row := range rows {
		at := rowCompiler{row: row, set: name, known: known, problem: func(key string, when int, err error) {
			c.problems = append(c.problems, Problem{Set: name, Row: i, Key: key, When: when, Err: err})
		}}
		at.rule.set, at.rule.label = name, name+":"+strconv.Itoa(i+1)
		at.compile()
		known = at.known
		c.own[name] = append(c.own[name], at.rule)
	}
}

// flat is a set with those that it uses in their places. Each is made once: a set of empty sets of empty sets costs nothing.
func (c *compiler) flat(name string, above []string) []rule {
	if out, done := c.whole[name]; done {
		return out
	}
	var out []rule
	above = append(slices.Clone(above), name)
	for i, r := range c.own[name] {
		wrong := Problem{Set: name, Row: i, Key: "to", When: -1}
		switch _, there := c.rows[r.use]; {
		case r.do != doUse:
			out = append(out, r)
		case !there:
			wrong.Err = ErrUse
		case slices.Contains(above, r.use):
			wrong.Err = ErrLoop
		default:
			out = append(out, c.flat(r.use, above)...)
		}
		if len(out) > maxChain {
			wrong.Err = ErrRows
		}
		if wrong.Err != nil {
			c.problems = append(c.problems, wrong)
			out = nil
			break
		}
	}
	c.whole[name] = out
	return out
}
