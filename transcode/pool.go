package transcode

import "sync"

// poolPerKind is how many idle encoders of one kind wait for a call; one is about 20 kB.
const poolPerKind = 256

// Pool keeps Opus encoders for the next call: making one costs more than many frames. It may be used from any goroutine; the
// zero value is ready.
type Pool struct {
	mu   sync.Mutex
	idle map[kind][]Encoder
}

// kind is what cannot be changed after an encoder's first frame, LossPct 1 standing for any.
type kind struct {
	rate int
	opt  Options
}

func kindOf(rate int, opt Options) kind {
	opt.LossPct = min(opt.LossPct, 1)
	return kind{rate, opt}
}

// resettable is an encoder worth keeping.
type resettable interface {
	Encoder
	reset() error
	kind() kind
}

// Get returns an Opus encoder as NewEncoder would.
func (p *Pool) Get(rate int, opt Options) (Encoder, error) {
	opt = opt.withDefaults()
	k := kindOf(rate, opt)
	p.mu.Lock()
	if n := len(p.idle[k]); n > 0 {
		e := p.idle[k][n-1]
		p.idle[k] = p.idle[k][:n-1]
		p.mu.Unlock()
		if l, ok := e.(Lossy); ok && opt.LossPct > 0 {
			return e, l.SetLoss(opt.LossPct)
		}
		return e, nil
	}
	p.mu.Unlock()
	return NewEncoder("opus", rate, opt)
}

// Put takes an encoder back; the caller must not use it any more. Encoders of other codecs are let go.
func (p *Pool) Put(e Encoder) {
	r, ok := e.(resettable)
	if !ok || r.reset() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.idle == nil {
		p.idle = make(map[kind][]Encoder)
	}
	if k := r.kind(); len(p.idle[k]) < poolPerKind {
		p.idle[k] = append(p.idle[k], e)
	}
}
