package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// schemaURL is the dialect of Schema's output.
const schemaURL = "https://json-schema.org/draft/2020-12/schema"

// node is a JSON Schema, as far as the configuration needs one.
type node struct {
	Schema      string           `json:"$schema,omitempty"`
	Title       string           `json:"title,omitempty"`
	Description string           `json:"description,omitempty"`
	Type        string           `json:"type,omitempty"`
	Pattern     string           `json:"pattern,omitempty"`
	Enum        []string         `json:"enum,omitempty"`
	Minimum     *int             `json:"minimum,omitempty"`
	Maximum     *int             `json:"maximum,omitempty"`
	Items       *node            `json:"items,omitempty"`
	Properties  map[string]*node `json:"properties,omitempty"`
	Additional  any              `json:"additionalProperties,omitempty"`
}

// patterns of the types that read themselves.
var patterns = map[reflect.Type]string{
	reflect.TypeFor[HostPort]():      `^(off|.*:[0-9]{1,5})$`,
	reflect.TypeFor[Listen]():        `^[a-z]+:.*:[0-9]{1,5}$`,
	reflect.TypeFor[PortRange]():     `^[0-9]{1,5}-[0-9]{1,5}$`,
	reflect.TypeFor[Target]():        `^sip:`,
	reflect.TypeFor[Nameserver]():    `^[0-9a-fA-F.:\[\]]+$`,
	reflect.TypeFor[Patience]():      `^(off|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`,
	reflect.TypeFor[Rate]():          `^[0-9]+(\.[0-9]+)?(/([0-9]+(\.[0-9]+)?)?(ns|us|µs|ms|s|m|h))?$`,
	reflect.TypeFor[Bandwidth]():     `^[0-9]+(\.[0-9]+)?[kKMG]?$`,
	reflect.TypeFor[time.Duration](): `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`,
}

// Schema returns the JSON Schema of the configuration, for editors.
func Schema() ([]byte, error) {
	root := describe(reflect.TypeFor[Config]())
	root.Schema, root.Title = schemaURL, "Drawbridge configuration"
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return append(out, '\n'), nil
}

func describe(t reflect.Type) *node {
	pattern, word := patterns[t]
	switch {
	case t.Kind() == reflect.Pointer:
		return describe(t.Elem())
	case word && (t == reflect.TypeFor[Rate]() || t == reflect.TypeFor[Bandwidth]()): // a bare number will do
		return &node{Pattern: pattern}
	case word:
		return &node{Type: "string", Pattern: pattern}
	case isScalar(t):
		return describeScalar(t)
	case t.Kind() == reflect.Slice:
		return &node{Type: "array", Items: describe(t.Elem())}
	case t.Kind() == reflect.Map:
		return &node{Type: "object", Additional: describe(t.Elem())}
	}
	return describeStruct(t)
}

func describeStruct(t reflect.Type) *node {
	n := &node{Type: "object", Properties: map[string]*node{}, Additional: false}
	for _, f := range fields(t) {
		c := describe(f.typ)
		c.Description = f.tag.Get("doc")
		if words := f.tag.Get("enum"); words != "" {
			at := c
			if c.Items != nil {
				at = c.Items
			}
			at.Enum = strings.Split(words, ",")
		}
		n.Properties[f.name] = c
	}
	return n
}

func describeScalar(t reflect.Type) *node {
	zero, port := 0, 65535
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return &node{Type: "boolean"}
	case k == reflect.Int:
		return &node{Type: "integer", Minimum: &zero}
	case k == reflect.Float64:
		return &node{Type: "number", Minimum: &zero}
	case k == reflect.Uint16:
		return &node{Type: "integer", Minimum: &zero, Maximum: &port}
	}
	return &node{Type: "string"}
}
