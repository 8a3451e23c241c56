package digest

// Account is a name and a password at a peer.
type Account struct {
	User, Password string
	Realm          string // the one protection domain that may ask for them; "" is any that challenges in time, see [Client.Freeze]
}

// None reports whether there is nothing to answer a challenge with.
func (a Account) None() bool { return a.User == "" }

// String keeps the password out of whatever prints an Account.
func (a Account) String() string { return a.User }

// GoString keeps %#v quiet.
func (a Account) GoString() string { return a.User }
