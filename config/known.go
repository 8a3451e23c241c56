package config

import (
	"encoding"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// The decoder's own KnownFields check is not used: it names Go types where an operator wants the nearest field, and the walk below is
// needed by the overlay and the schema anyway.

// field is one field of a struct type, as the file calls it.
type field struct {
	name string
	typ  reflect.Type
	tag  reflect.StructTag
}

// fields lists the fields of a struct type, those of inlined structs among them; embedded Config fields are not used.
func fields(t reflect.Type) []field {
	var out []field
	for f := range t.Fields() {
		name, how, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case how == "inline":
			out = append(out, fields(f.Type)...)
		case f.IsExported() && name != "-":
			out = append(out, field{name, f.Type, f.Tag})
		}
	}
	return out
}

func fieldNamed(t reflect.Type, name string) (field, bool) {
	for _, f := range fields(t) {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// isScalar reports a type that one word of the file fills.
func isScalar(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	return t.Kind() != reflect.Struct && t.Kind() != reflect.Map && t.Kind() != reflect.Slice && t.Kind() != reflect.Pointer
}

// unknownFields reports each key of the tree that t has no field for.
func (r *Report) unknownFields(n *yaml.Node, t reflect.Type, at path) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n == nil || isScalar(t) || len(at) > 16 {
		return
	}
	switch {
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			f, ok := fieldNamed(t, key.Value)
			if !ok {
				r.addAt(key.Line, key.Column, unknownField(t, key.Value))
				continue
			}
			r.unknownFields(content(n.Content[i+1]), f.typ, at.at(key.Value))
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		for i := 0; i+1 < len(n.Content); i += 2 {
			r.unknownFields(content(n.Content[i+1]), t.Elem(), at.at(n.Content[i].Value))
		}
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, c := range n.Content {
			r.unknownFields(content(c), t.Elem(), at.at(i))
		}
	}
}

func unknownField(t reflect.Type, name string) string {
	var names []string
	for _, f := range fields(t) {
		names = append(names, f.name)
	}
	return "unknown field " + name + didYouMean(name, names)
}

// didYouMean names the word that is two typing mistakes away at most; "" when there is none.
func didYouMean(name string, names []string) string {
	best, distance := "", 3
	for _, n := range names {
		if d := editDistance(name, n); d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// editDistance is Levenshtein's. Names longer than any field are far from all.
func editDistance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
