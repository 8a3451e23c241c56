package profile

import "testing"

func TestDistrusted(t *testing.T) {
	p := &Profile{Identity: Identity{IDIn: "pai", IDOut: "rpid", CLIRKeep: true, CLIROut: "rpid", DivIn: "hi", DivOut: "diversion", DivOwn: "1", Verstat: "keep", Display: "ascii"}}
	d := p.Distrusted().Identity
	if d.IDIn != "from" || d.IDOut != "from" || d.CLIRKeep || d.CLIROut != "privacy" || d.DivIn != "none" || d.DivOut != "none" || d.DivOwn != "" || d.Verstat != "strip" {
		t.Errorf("%+v", d)
	}
	if d.Display != "ascii" || p.Identity.IDIn != "pai" {
		t.Error("what is no assertion stays, and the profile itself")
	}
	if (*Profile)(nil).Distrusted() != nil {
		t.Error("none stays none")
	}
}
