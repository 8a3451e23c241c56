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

// RuleUse names the sets of rules that messages meet at a place of the border.
type RuleUse struct {
	In  []string `yaml:"in" doc:"Sets for messages from there, in order, before they are judged. A trunk's come after its realm's."`
	Out []string `yaml:"out" doc:"Sets for messages to there, in order, last of all. A realm's come after its trunk's."`
}

// RulesOf are the chains of a use of sets.
func (s *Snapshot) RulesOf(u RuleUse) (in, out rules.Chain) {
	in, _ = s.book.Chain(u.In...) // checked at load
	out, _ = s.book.Chain(u.Out...)
	return in, out
}

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
	book := r.ruleBook(c.Rules)
	for _, name := range slices.Sorted(maps.Keys(c.Realms)) {
		r.checkRuleUse(c, path{"realms", name, "rules"}, c.Realms[name].Rules, book)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Trunks)) {
		r.checkRuleUse(c, path{"trunks", name, "rules"}, c.Trunks[name].Rules, book)
	}
	return book
}

// checkRuleUse checks that the sets that are named are there, and not too many rules together.
func (r *Report) checkRuleUse(c *Config, at path, use RuleUse, book rules.Book) {
	for _, way := range []struct {
		key  string
		sets []string
	}{{"in", use.In}, {"out", use.Out}} {
		there := true
		for i, name := range way.sets {
			if _, ok := c.Rules[name]; !ok {
				r.Addf(at.at(way.key, i), "%s", noSuch("set of rules", name, c.Rules))
				there = false
			}
		}
		if _, ok := book.Chain(way.sets...); there && !ok && len(book.Names()) > 0 {
			r.Addf(at.at(way.key), "%v", rules.ErrRows)
		}
	}
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
