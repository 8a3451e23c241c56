package profile

// Distrusted is the profile of a peer that is outside the trust domain (RFC 3324): what it asserts of callers and forwarding is not
// believed, and it is told nothing of the kind; whoever withholds a number stays withheld.
func (p *Profile) Distrusted() *Profile {
	if p == nil {
		return nil
	}
	d := *p
	id := &d.Identity
	id.IDIn, id.IDOut, id.CLIRKeep = "from", "from", false
	id.DivIn, id.DivOut, id.DivOwn = "none", "none", ""
	id.Verstat = "strip"
	if id.CLIROut == "rpid" { // its header is one of those
		id.CLIROut = "privacy"
	}
	return &d
}
