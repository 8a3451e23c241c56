package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"

	"drawbridge/policy/rules"
)

// RuleSets are header rules by the name of their set.
type RuleSets map[string][]rules.Row

// maxSets bounds the sets of header rules. Chosen here.
const maxSets = 200

// compileRules checks and compiles the sets of header rules.
func (r *Report) compileRules(c *Config) rules.Book {
	for _, name := range slices.Sorted(maps.Keys(c.Rules)) {
		if !nameForm.MatchString(name) {
			r.checkName(path{"rules", name}, "set of rules", name)
		}
		for i, row := range c.Rules[name] {
			if _, ok := c.Realms[row.Realm]; row.Realm != "" && !ok {
				r.Addf(path{"rules", name}.at(i, "realm"), "there is no realm %q", row.Realm)
			}
		}
	}
	return r.ruleBook(c.Rules)
}

// ruleBook compiles sets of rows and reports what is wrong with them at its place.
func (r *Report) ruleBook(sets RuleSets) rules.Book {
	if len(sets) > maxSets {
		r.Addf(path{"rules"}, "more than %d sets of rules", maxSets)
		return rules.Book{}
	}
	book, problems := rules.Compile(sets)
	for _, p := range problems {
		at := path{"rules", p.Set}.at(p.Row)
		if p.When >= 0 {
			at = at.at("when", p.When)
		}
		r.Addf(at.at(p.Key), "%s: %v", p.Key, p.Err)
	}
	return book
}

// LoadRules reads the sets of header rules of a file: a whole configuration, of which the rest is not looked at, or rules alone. The
// error is a *Report when the file is there but wrong.
func LoadRules(name string) (rules.Book, error) {
	info, err := os.Stat(name)
	if err != nil {
		return rules.Book{}, fmt.Errorf("rules: %w", err)
	}
	if info.Size() > maxFile {
		return rules.Book{}, fmt.Errorf("rules %s: %w", name, ErrTooLarge)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return rules.Book{}, fmt.Errorf("rules: %w", err)
	}
	return parseRules(name, text)
}

func parseRules(name string, text []byte) (rules.Book, error) {
	r := &Report{File: name, tree: &yaml.Node{}}
	if err := yaml.Load(text, r.tree); err != nil {
		r.addLoadErrors(err)
		return rules.Book{}, r.err()
	}
	_, node := child(content(r.tree), "rules")
	if node == nil {
		return rules.Book{}, fmt.Errorf("rules %s: %w", name, ErrNoRules)
	}
	var sets RuleSets
	r.unknownFields(content(node), reflect.TypeOf(sets), path{"rules"})
	if err := node.Load(&sets); err != nil {
		r.addLoadErrors(err)
		return rules.Book{}, r.err()
	}
	book := r.ruleBook(sets)
	return book, r.err()
}

// ErrNoRules is returned for a file without header rules.
var ErrNoRules = errors.New("there is no rules: in it")
