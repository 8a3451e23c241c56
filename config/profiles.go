package config

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"

	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"drawbridge/policy/profile"
)

// shipped are the profiles that come with the gateway, one a file. Each but generic names the base that it is laid over.
//
//go:embed profiles/*.yaml
var shipped embed.FS

const (
	baseProfile = "generic"
	maxBases    = 8 // profiles beneath a profile: more is a circle
)

// profiles lays for each trunk its settings over its profile, and that over its bases.
func (r *Report) profiles(c *Config) {
	for _, name := range slices.Sorted(maps.Keys(c.Trunks)) {
		t := c.Trunks[name]
		at := path{"trunks", name}
		layers, err := layersOf(shipped, t.Profile)
		if err != nil {
			r.Addf(at.at("profile"), "%v", err)
			continue
		}
		own := r.nodeAt(at.at("profile_settings"))
		r.checkWords(own, at.at("profile_settings"))
		t.peer, err = lay(append(layers, own))
		if err != nil {
			continue // the decoder has told of the settings already
		}
		for _, p := range t.peer.Check() {
			where := at.at("profile_settings", p.Key)
			if p.Index >= 0 {
				where = where.at(p.Index)
			}
			r.Addf(where, "%s: %v", p.Key, p.Err)
		}
		c.Trunks[name] = t
	}
}

// layersOf finds a profile and its bases, the lowest first.
func layersOf(files fs.FS, name string) ([]*yaml.Node, error) {
	if name == "" {
		name = baseProfile
	}
	var layers []*yaml.Node
	for range maxBases {
		text, err := fs.ReadFile(files, "profiles/"+name+".yaml")
		if err != nil || !nameForm.MatchString(name) {
			names := profileNames(files)
			return nil, fmt.Errorf("there is no profile %q%s; there are %s", name, didYouMean(name, names), strings.Join(names, ", "))
		}
		var doc yaml.Node
		if err := yaml.Load(text, &doc); err != nil {
			return nil, fmt.Errorf("profile %s: %w", name, err)
		}
		layer := content(&doc)
		base := take(layer, "base")
		if err := checkLayer(name, layer); err != nil {
			return nil, err
		}
		layers = append(layers, layer)
		if base == "" {
			slices.Reverse(layers)
			return layers, nil
		}
		name = base
	}
	return nil, fmt.Errorf("profile %s: its bases go round in a circle", name)
}

// profileNames are the profiles there are.
func profileNames(files fs.FS) []string {
	var names []string
	found, _ := fs.Glob(files, "profiles/*.yaml") // the pattern is sound
	for _, f := range found {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(f, "profiles/"), ".yaml"))
	}
	return names
}

// checkLayer refuses keys and words of a shipped profile that there are not.
func checkLayer(name string, layer *yaml.Node) error {
	r := &Report{File: "profile " + name, tree: layer}
	r.unknownFields(layer, reflect.TypeFor[profile.Profile](), nil)
	r.checkWords(layer, nil)
	return r.err()
}

// take removes an entry of a mapping and returns its word.
func take(n *yaml.Node, key string) string {
	if n == nil || n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			word := n.Content[i+1].Value
			n.Content = slices.Delete(n.Content, i, i+2)
			return word
		}
	}
	return ""
}

// lay decodes layers into one profile: a switch of a later layer replaces that of an earlier one whole.
func lay(layers []*yaml.Node) (*profile.Profile, error) {
	sum := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, layer := range layers {
		layer = content(layer)
		if layer == nil || layer.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(layer.Content); i += 2 {
			put(sum, layer.Content[i].Value, layer.Content[i+1])
		}
	}
	p := &profile.Profile{}
	if err := sum.Load(p); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return p, nil
}

// checkWords reports the words of a profile's switches that are none of those allowed.
func (r *Report) checkWords(n *yaml.Node, at path) {
	n = content(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		f, ok := fieldNamed(reflect.TypeFor[profile.Profile](), n.Content[i].Value)
		words := strings.Split(f.tag.Get("enum"), ",")
		v := content(n.Content[i+1])
		switch {
		case !ok || f.tag.Get("enum") == "":
		case v.Kind == yaml.ScalarNode:
			r.oneOf(at.at(f.name), v.Value, words...)
		case v.Kind == yaml.SequenceNode:
			for j, one := range v.Content {
				r.oneOf(at.at(f.name, j), content(one).Value, words...)
			}
		}
	}
}

// nodeAt is what the file has at a path, nil when nothing.
func (r *Report) nodeAt(p path) *yaml.Node {
	n := content(r.tree)
	for _, key := range p {
		_, v := child(n, key)
		n = content(v)
	}
	return n
}
