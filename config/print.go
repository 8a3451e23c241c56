package config

import (
	"crypto/sha256"
	"encoding/hex"
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

// Digest tells configurations apart: the beginning of the SHA-256 of what Print writes, so that nothing of a secret is in it. Files that the
// configuration only names are not in it either.
func (c Config) Digest() string {
	out, err := c.Print()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(out)
	return hex.EncodeToString(sum[:6])
}
