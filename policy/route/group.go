package route

// Member is a trunk of a group.
type Member struct {
	Trunk    string
	Priority int // lower comes first
	Weight   int // share among those of one priority; 0 comes behind those that have one, as given
}

// member is a trunk of a row: the tier says which are equals.
type member struct {
	Member
	group string
	tier  int // place in the row's via
}

// members resolves the names of a row.
func members(via []string, groups map[string][]Member) []member {
	var out []member
	for tier, name := range via {
		group, ok := groups[name]
		if !ok {
			out = append(out, member{Member: Member{Trunk: name}, tier: tier})
			continue
		}
		for _, m := range group {
			out = append(out, member{m, name, tier})
		}
	}
	return out
}

// members are the trunks of a price list.
func (d *Deck) members() []member {
	var out []member
	for _, trunk := range d.trunks {
		out = append(out, member{Member: Member{Trunk: trunk}})
	}
	return out
}
