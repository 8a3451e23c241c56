package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxFile bounds the file, in bytes. Chosen here: 10 000 accounts take less than 1 MB.
const maxFile = 8 << 20

// Source is where a configuration comes from. Env and Dir serve env: and file: secrets and the overlay.
type source struct {
	name string // in messages
	dir  string // relative files are looked for here
	env  []string
}

// Load reads the file at path and the environment. The error is a *Report when the file is there but wrong.
func Load(path string) (*Snapshot, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("configuration %s: %w", path, ErrTooLarge)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	snap, err := parse(text, source{name: path, dir: filepath.Dir(path), env: os.Environ()})
	if err == nil && info.Mode().Perm()&0o004 != 0 && snap.literalSecrets() {
		snap.Warnings = append(snap.Warnings, fmt.Sprintf("%s holds passwords and is readable by everybody (mode %04o)", path, info.Mode().Perm()))
	}
	return snap, err
}

// Parse reads a configuration from text; name stands for the file in messages and env is in the form of os.Environ. Relative files
// are looked for in the working directory.
func Parse(name string, text []byte, env []string) (*Snapshot, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("configuration %s: %w", name, ErrTooLarge)
	}
	return parse(text, source{name: name, dir: ".", env: env})
}

// parse runs the steps of the package comment. Checks of relations run even when a field did not decode, so that one pass shows all.
func parse(text []byte, src source) (*Snapshot, error) {
	r := &Report{File: src.name, tree: &yaml.Node{}}
	if err := yaml.Load(text, r.tree); err != nil && !blank(text) {
		r.addLoadErrors(err)
		return nil, r.err()
	}
	if r.tree.Kind == 0 { // an empty file: all defaults
		r.tree = &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map"}}}
	}
	snap := &Snapshot{dir: src.dir}
	snap.Warnings = r.overlay(src.env)
	r.unknownFields(content(r.tree), reflect.TypeFor[Config](), nil)
	if err := r.tree.Load(&snap.Config); err != nil {
		r.addLoadErrors(err)
	}
	r.profiles(&snap.Config)
	r.readFraud(&snap.Config)
	snap.Defaults()
	r.validate(&snap.Config)
	snap.book = r.compileRules(&snap.Config)
	r.resolve(snap, src)
	if err := r.err(); err != nil {
		return nil, err
	}
	snap.Warnings = append(snap.Warnings, r.warnings(&snap.Config)...)
	return snap, nil
}

// blank reports a file of comments only, which the decoder calls an error.
func blank(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if line != "" && !strings.HasPrefix(line, "#") && line != "---" {
			return false
		}
	}
	return true
}

// addLoadErrors takes over what the YAML decoder found.
func (r *Report) addLoadErrors(err error) {
	if all, ok := errors.AsType[*yaml.LoadErrors](err); ok {
		for _, e := range all.Errors {
			r.addLoadError(e)
		}
		return
	}
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		r.addLoadError(e)
		return
	}
	r.addAt(0, 0, err.Error())
}

// scalarForList is what the decoder says of a single word where a list belongs, the commonest mistake.
var scalarForList = regexp.MustCompile("^cannot construct !!\\w+ `.*` into \\[\\]")

func (r *Report) addLoadError(e *yaml.LoadError) {
	text := e.Message
	if scalarForList.MatchString(text) {
		text = "a list is needed here: put it in [ ]"
	}
	r.addAt(e.Mark.Line, e.Mark.Column, text)
}

// resolve reads what the file only names: secrets and certificates.
func (r *Report) resolve(snap *Snapshot, src source) {
	for i := range snap.Users.Local {
		u := &snap.Users.Local[i]
		if err := u.Password.resolve(src.dir, lookup(src.env)); err != nil {
			r.Addf(path{"users", "local"}.at(i, "password"), "%v", err)
		}
	}
	for name, t := range snap.Trunks {
		if t.Auth.Password.ref == "" {
			continue
		}
		if err := t.Auth.Password.resolve(src.dir, lookup(src.env)); err != nil {
			r.Addf(path{"trunks", name, "auth", "password"}, "%v", err)
		}
		snap.Trunks[name] = t
	}
	r.readRates(snap)
	r.checkKeys(snap)
	r.readDeck(snap, src)
}

func (s source) file(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.dir, path)
}

// lookup finds a variable in a list of the form of os.Environ.
func lookup(env []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, e := range env {
			if k, v, ok := strings.Cut(e, "="); ok && k == name {
				return v, true
			}
		}
		return "", false
	}
}

func (s *Snapshot) literalSecrets() bool {
	for _, u := range s.Users.Local {
		if u.Password.literal() {
			return true
		}
	}
	for _, t := range s.Trunks {
		if t.Auth.Password.literal() {
			return true
		}
	}
	return false
}
