package scene

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// Scene is one file.
type Scene struct {
	Name string
	file *template.Template
}

// roles a scene may have, callees in the order in which they are tried.
var roles = []string{"caller", "callee", "second", "third"}

// Read reads a scene. A file with another template than a role's is a mistake.
func Read(path string) (*Scene, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(path), ".xml")
	file, err := template.New(name).Funcs((&script{}).verbs()).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, err
	}
	for _, t := range file.Templates() {
		if t.Name() != name && !slices.Contains(roles, t.Name()) {
			return nil, fmt.Errorf("scene %s: no role is called %q", name, t.Name())
		}
	}
	return &Scene{Name: name, file: file}, nil
}

// Roles lists the scene's roles, the caller first.
func (s *Scene) Roles() []string {
	return slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return s.file.Lookup(r) == nil })
}

// Script is what SIPp does in a role.
type Script struct {
	Text  string
	Hears map[string]int // how many messages of a method or status it awaits, those that may be left out included
}

// Script writes a role. values fill the names in the scene.
func (s *Scene) Script(role string, values map[string]string) (Script, error) {
	sc := &script{saved: map[string]bool{}, hears: map[string]int{}}
	file, err := s.file.Clone()
	if err != nil {
		return Script{}, err
	}
	var b strings.Builder
	if err := file.Funcs(sc.verbs()).ExecuteTemplate(&b, role, values); err != nil {
		return Script{}, err
	}
	return Script{Text: sc.document(s.Name+" "+role, b.String()), Hears: sc.hears}, nil
}
