package config

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// blot stands for a secret wherever one would be printed.
const blot = "***"

// Secret is a password or key: written in the file, or better named there as env:NAME or file:PATH. It prints as ***, whatever
// prints it.
type Secret struct {
	ref   string // as written
	value string // as meant, once resolved
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret{ref: string(text)}
	return nil
}

// MarshalText implements encoding.TextMarshaler: references are kept, values are not.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String never tells the value.
func (s Secret) String() string {
	switch {
	case s.ref == "":
		return ""
	case s.literal():
		return blot
	}
	return s.ref
}

// GoString keeps %#v quiet.
func (s Secret) GoString() string { return s.String() }

// Format keeps every fmt verb quiet.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue keeps slog quiet.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Reveal returns the value.
func (s Secret) Reveal() string { return s.value }

func (s Secret) literal() bool {
	return s.ref != "" && !strings.HasPrefix(s.ref, "env:") && !strings.HasPrefix(s.ref, "file:")
}

// resolve reads the value; dir is where relative files are looked for.
func (s *Secret) resolve(dir string, getenv func(string) (string, bool)) error {
	if name, ok := strings.CutPrefix(s.ref, "env:"); ok {
		value, ok := getenv(name)
		if !ok || value == "" {
			return fmt.Errorf("environment variable %s is not set", name)
		}
		s.value = value
		return nil
	}
	if path, ok := strings.CutPrefix(s.ref, "file:"); ok {
		return s.read(path, dir)
	}
	s.value = s.ref
	return nil
}

// read takes the secret from a file, without the newline at its end.
func (s *Secret) read(path, dir string) error {
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(dir, full)
	}
	info, err := os.Stat(full)
	if err != nil {
		return fmt.Errorf("secret file %s cannot be read", path)
	}
	if info.Mode().Perm()&0o004 != 0 {
		return fmt.Errorf("secret file %s is readable by everybody (mode %04o): chmod 600", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(full)
	if err != nil {
		return fmt.Errorf("secret file %s cannot be read", path)
	}
	s.value = strings.TrimRight(string(text), "\r\n")
	if s.value == "" {
		return fmt.Errorf("secret file %s is empty", path)
	}
	return nil
}
