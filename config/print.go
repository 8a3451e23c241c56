package config

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// Print writes the effective configuration as YAML. Secrets that stand in the file itself come out as ***; env: and file: references
// are kept.
func (c Config) Print() ([]byte, error) {
	out, err := yaml.Dump(c, yaml.WithIndent(2))
	if err != nil {
		return nil, fmt.Errorf("print configuration: %w", err)
	}
	return out, nil
}
