package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// envPrefix marks the variables that set fields: DRAWBRIDGE_WEB_TLS_CERT is web.tls.cert.
const envPrefix = "DRAWBRIDGE_"

// overlay lays the variables over the tree, in the order of their names. A name that matches no path gives one warning: other
// programs use the prefix too.
func (r *Report) overlay(environ []string) (warnings []string) {
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(name, envPrefix)
		if !ok {
			continue
		}
		line := envLine + len(r.env)
		if !set(content(r.tree), reflect.TypeFor[Config](), rest, value, line) {
			warnings = append(warnings, "environment variable "+name+" names no setting")
			continue
		}
		r.env = append(r.env, name)
	}
	return warnings
}

// set finds the place that name (such as WEB_TLS_CERT) stands for below n, which t describes, and puts value there. A name with
// underscores in it is why each candidate is tried: allow_loopback is one field.
func set(n *yaml.Node, t reflect.Type, name, value string, line int) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n == nil || isScalar(t):
		return false
	case t.Kind() == reflect.Struct:
		for _, f := range fields(t) {
			if rest, ok := cutKey(name, f.name); ok && setChild(n, f.name, f.typ, rest, value, line) {
				return true
			}
		}
	case t.Kind() == reflect.Map:
		return setInMap(n, t, name, value, line)
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		for i, c := range n.Content {
			rest, ok := cutKey(name, strconv.Itoa(i))
			if ok && rest != "" && set(content(c), t.Elem(), rest, value, line) {
				return true
			}
		}
	}
	return false
}

// setInMap prefers a key that the file has; otherwise the name up to the first underscore, in lower case, is a new one.
func setInMap(n *yaml.Node, t reflect.Type, name, value string, line int) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if rest, ok := cutKey(name, key); ok && rest != "" && setChild(n, key, t.Elem(), rest, value, line) {
			return true
		}
	}
	key, rest, ok := strings.Cut(name, "_")
	if !ok || key == "" || rest == "" {
		return false
	}
	return setChild(n, strings.ToLower(key), t.Elem(), rest, value, line)
}

// setChild sets the entry key of mapping n, or descends into it. An entry that is missing is made, and taken back when the rest of
// the name matches nothing.
func setChild(n *yaml.Node, key string, t reflect.Type, rest, value string, line int) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	_, v := child(n, key)
	if rest == "" {
		return put(n, key, leaf(t, value, line))
	}
	if v != nil && content(v).Kind != yaml.ScalarNode {
		return set(content(v), t, rest, value, line)
	}
	made := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line}
	return set(made, t, rest, value, line) && put(n, key, made)
}

func put(n *yaml.Node, key string, v *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = v
			return true
		}
	}
	k := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key, Line: v.Line}
	n.Content = append(n.Content, k, v)
	return true
}

// leaf makes the node of a value. Text is taken as it is (a password may look like YAML); a list may be written as YAML or with commas.
func leaf(t reflect.Type, value string, line int) *yaml.Node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var doc yaml.Node
	text := t.Kind() == reflect.String || (isScalar(t) && t.Kind() == reflect.Struct)
	switch {
	case text:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Line: line}
	case t.Kind() == reflect.Slice && !strings.HasPrefix(strings.TrimSpace(value), "["):
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: line}
		for part := range strings.SplitSeq(value, ",") {
			list.Content = append(list.Content, leaf(t.Elem(), strings.TrimSpace(part), line))
		}
		return list
	case yaml.Load([]byte(value), &doc) != nil || len(doc.Content) == 0:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Line: line}
	}
	mark(doc.Content[0], line, 0)
	return doc.Content[0]
}

// mark gives a tree the line of its variable.
func mark(n *yaml.Node, line, depth int) {
	n.Line, n.Column = line, 0
	if depth < 100 {
		for _, c := range n.Content {
			mark(c, line, depth+1)
		}
	}
}

// cutKey takes key, in the form of a variable, off the front of name: WEB_TLS and web give TLS.
func cutKey(name, key string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, strings.ToUpper(strings.Map(func(c rune) rune {
		if c == '-' || c == '.' {
			return '_'
		}
		return c
	}, key)))
	if !ok || rest == "" {
		return "", ok
	}
	return strings.CutPrefix(rest, "_")
}
