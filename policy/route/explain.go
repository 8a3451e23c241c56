package route

// Step is one thing that a decision has looked at: a row that does not serve the call, or a trunk or account that does or does not.
type Step struct {
	Rule        string
	Trunk, User string // "" of a row that is left out whole
	Group       string // that the trunk is a member of
	Taken       bool
	Why         string  // it was left out; of one that was taken, what is to be said about it
	Priced      bool    // the deck has a price for the number
	Price       Micros  // a minute
	Prefix      string  // of the deck, that the price is for
	Penalty     float64 // what the price is multiplied by in comparisons; 0: nothing
	Trial       bool    // the penalty is left out for this call
	Priority    int
	Weight      int

	tier   int
	chance float64
}

// Explain says how Candidates comes to its answer: each row whose pattern fits, each trunk of it, the candidates in their order.
func (t *Table) Explain(q Query) []Step {
	var out []Step
	t.walk(q, func(s Step) { out = append(out, s) })
	return out
}
