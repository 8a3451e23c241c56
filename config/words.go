package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Names end up in metrics, logs and SIP; keep them plain.
var (
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	domainForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	globForm   = regexp.MustCompile(`^[A-Za-z0-9+#_.-]*\*?$`)
)

func (r *Report) checkName(at path, what, name string) {
	if !nameForm.MatchString(name) {
		r.Addf(at, "%s %q: a name has letters, digits, _ and - only", what, name)
	}
}

func (r *Report) checkDomain(at path, domain string) {
	if domain != "" && !domainForm.MatchString(domain) {
		r.Addf(at, "%q is not a host name or address", domain)
	}
}

func (r *Report) oneOf(at path, value string, words ...string) {
	if !slices.Contains(words, value) {
		r.Addf(at, "%q is none of %s", value, strings.Join(words, ", "))
	}
}

// noSuch says that a reference hangs, and what there is.
func noSuch[V any](what, name string, have map[string]V) string {
	if len(have) == 0 {
		return fmt.Sprintf("there is no %s %q; there are none", what, name)
	}
	return fmt.Sprintf("there is no %s %q; there are %s", what, name, strings.Join(slices.Sorted(maps.Keys(have)), ", "))
}
