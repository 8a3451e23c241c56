package profile

import "cmp"

// Translation is one row of a cause table: a row without status fits every status, one without cause every cause.
type Translation struct {
	Status int `yaml:"status" doc:"Final SIP status that the row is about."`
	Cause  int `yaml:"cause" doc:"Q.850 cause: the one that a status means (cause.in), or that the row is about (cause.out)."`
	As     int `yaml:"as" doc:"SIP status that it becomes."`
}

// Heard is what a final answer of the peer means: its status and cause, translated. cause is 0 when no row names one.
func (p *Profile) Heard(status int) (as, cause int) {
	if p == nil {
		return status, 0
	}
	for _, r := range p.Cause.In {
		if r.Status == status {
			return cmp.Or(r.As, status), r.Cause
		}
	}
	return status, 0
}

// Told is the status that the peer is told instead of one, with the Q.850 cause behind it.
func (p *Profile) Told(status, cause int) int {
	if p == nil {
		return status
	}
	for _, r := range p.Cause.Out {
		if (r.Status == 0 || r.Status == status) && (r.Cause == 0 || r.Cause == cause) {
			return r.As
		}
	}
	return status
}
