package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Problem is one mistake and where it is.
type Problem struct {
	Line, Column int    // 1-based; 0 when the place is not in the file
	Env          string // the environment variable at fault, "" when it is the file
	Message      string
}

// Report is every problem of one configuration. It is the error of Load.
type Report struct {
	File     string
	Problems []Problem

	tree *yaml.Node // for positions of paths
	env  []string   // variables laid over the tree; see envLine
}

// Error lists the problems, one a line, in the order of the file.
func (r *Report) Error() string {
	var b strings.Builder
	for i, p := range r.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		switch {
		case p.Env != "":
			fmt.Fprintf(&b, "%s: %s", p.Env, p.Message)
		case p.Line > 0:
			fmt.Fprintf(&b, "%s:%d:%d: %s", r.File, p.Line, p.Column, p.Message)
		default:
			fmt.Fprintf(&b, "%s: %s", r.File, p.Message)
		}
	}
	return b.String()
}

// path names a place in the tree by keys and indices, such as {"trunks", "acme", "targets", "0"}.
type path []string

// at extends a path.
func (p path) at(keys ...any) path {
	out := slices.Clone(p)
	for _, k := range keys {
		out = append(out, fmt.Sprint(k))
	}
	return out
}

// Addf reports a problem at p, or at the nearest place above it that the file has.
func (r *Report) Addf(p path, format string, args ...any) {
	line, column := place(r.tree, p)
	r.addAt(line, column, fmt.Sprintf(format, args...))
}

// envLine marks nodes that come from the environment: their line is envLine plus the variable's index.
const envLine = 1 << 30

func (r *Report) addAt(line, column int, message string) {
	message = oneLine(message)
	if i := line - envLine; i >= 0 && i < len(r.env) {
		r.Problems = append(r.Problems, Problem{Env: r.env[i], Message: message})
		return
	}
	r.Problems = append(r.Problems, Problem{Line: line, Column: column, Message: message})
}

// oneLine escapes control characters: the message may quote the file.
func oneLine(s string) string {
	clean := func(c rune) bool { return c < ' ' || c == 0x7f || c == 0xfffd }
	if !strings.ContainsFunc(s, clean) {
		return s
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// err returns the report, sorted, or nil when there is nothing in it.
func (r *Report) err() error {
	if len(r.Problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Env, b.Env), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	r.Problems = slices.Compact(r.Problems)
	return r
}

// place finds the position of p: the value's, or the key's when the value is a collection.
func place(n *yaml.Node, p path) (line, column int) {
	n = content(n)
	for _, key := range p {
		k, v := child(n, key)
		if v == nil {
			break
		}
		at := v
		if k != nil && v.Kind != yaml.ScalarNode {
			at = k
		}
		line, column = at.Line, at.Column
		n = content(v)
	}
	if line == 0 && n != nil {
		line, column = n.Line, n.Column
	}
	return line, column
}

// wrote reports whether the file has something at p, even if it did not decode.
func (r *Report) wrote(p path) bool {
	n := content(r.tree)
	for _, key := range p {
		_, v := child(n, key)
		if v == nil {
			return false
		}
		n = content(v)
	}
	return true
}

// content unwraps documents and aliases.
func content(n *yaml.Node) *yaml.Node {
	for range 100 { // aliases cannot nest deeper in any file worth reading
		switch {
		case n == nil:
			return nil
		case n.Kind == yaml.DocumentNode && len(n.Content) > 0:
			n = n.Content[0]
		case n.Kind == yaml.AliasNode:
			n = n.Alias
		default:
			return n
		}
	}
	return n
}

// child returns the key and value nodes of a mapping's entry, or the value node of a sequence's element (key nil).
func child(n *yaml.Node, key string) (k, v *yaml.Node) {
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i], n.Content[i+1]
			}
		}
	case n.Kind == yaml.SequenceNode:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.Content) {
			return nil, n.Content[i]
		}
	}
	return nil, nil
}
