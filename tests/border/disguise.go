package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// passwords is the file of passwords to try, in the directory of the copy. The right one is among them.
const passwords = "passwords.txt"

// disguises are the changes that let the tools go by the name of a phone, and go on when every extension sounds like the one that cannot be.
var disguises = strings.NewReplacer(
	"friendly-scanner", "Yealink SIP-T46U 108.86.0.15",
	`self.log.debug("Bad user: %s" % self.BADUSER.__repr__())
            self.nomore = True`, "pass",
)

// disguise makes a copy of SIPVicious that does not say what it is, and returns where Python finds it. Errors: errNotHere.
func disguise(dir string) (string, error) {
	tool, err := exec.LookPath("svwar")
	if err == nil {
		tool, err = filepath.EvalSymlinks(tool)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNotHere, err)
	}
	from, to := filepath.Join(filepath.Dir(tool), "sipvicious"), filepath.Join(dir, "hidden")
	changed := 0
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".py" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(filepath.Dir(from), path)
		if err != nil {
			return err
		}
		hidden := disguises.Replace(string(text))
		if hidden != string(text) {
			changed++
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), []byte(hidden), 0o600)
	})
	if err == nil && changed < 2 {
		err = errors.New("not where they were")
	}
	if err != nil {
		return "", fmt.Errorf("%w: this SIPVicious is made otherwise: %d files changed: %w", errNotHere, changed, err)
	}
	var list strings.Builder
	for i := range 300 {
		if i == 150 {
			list.WriteString("secret\n")
		}
		fmt.Fprintf(&list, "%d\n", i)
	}
	return to, os.WriteFile(filepath.Join(to, passwords), []byte(list.String()), 0o600)
}
