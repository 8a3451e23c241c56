package config

import (
	"regexp"
	"strings"
	"unicode"

	"drawbridge/policy/route"
)

// What an account may be called, and by which numbers.
var (
	userForm   = regexp.MustCompile(`^[A-Za-z0-9+][A-Za-z0-9_.+-]{0,62}$`)
	rangeForm  = regexp.MustCompile(`^\+?[0-9]{3,32}\*$`) // shorter ones would take the calls of a country
	numberForm = regexp.MustCompile(`^\+?[0-9*#]{1,32}$`)
)

func (r *Report) checkUsers(u Users) {
	r.checkDomain(path{"users", "domain"}, u.Domain)
	owner := map[string]string{} // number or name, as calls are held against it -> account
	for i, user := range u.Local {
		at := path{"users", "local"}.at(i)
		switch {
		case user.Name == "":
			r.Addf(at, "an account needs a name")
			continue
		case !userForm.MatchString(user.Name):
			r.Addf(at.at("name"), "%q: letters, digits and . _ + - only", user.Name)
		case owner[route.Normal(user.Name)] != "":
			r.Addf(at.at("name"), "%s is already in use by account %s", user.Name, owner[route.Normal(user.Name)])
		}
		owner[route.Normal(user.Name)] = user.Name
		if user.Password.ref == "" {
			r.Addf(at, "account %s has no password", user.Name)
		}
		r.checkPartyLimits(at.at("limits"), user.Limits)
		claim := func(key string, numbers []string, form *regexp.Regexp, wrong string) {
			for j, n := range numbers {
				switch {
				case !form.MatchString(n):
					r.Addf(at.at(key, j), wrong, n)
				case owner[route.Normal(n)] != "":
					r.Addf(at.at(key, j), "%s is already in use by account %s", n, owner[route.Normal(n)])
				default:
					owner[route.Normal(n)] = user.Name
				}
			}
		}
		claim("numbers", user.Numbers, numberForm, "%q is not a number such as +4930123456")
		claim("pbx", user.PBX, rangeForm, "%q is no beginning of numbers such as +49305551*")
	}
}

func (r *Report) checkAccount(at path, a Account) {
	switch {
	case a.User == "" && a.Password.ref == "" && a.Realm == "":
	case a.User == "" || a.Password.ref == "":
		r.Addf(at, "an account needs both user and password")
	case strings.ContainsFunc(a.User+a.Realm, unicode.IsControl):
		r.Addf(at, "user and realm are plain text")
	}
}
