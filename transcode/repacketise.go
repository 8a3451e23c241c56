package transcode

// Repacketiser turns packets of one length into packets of another: 10-60 ms, of G.711 octets or of PCM samples. Memory is bounded by
// one frame plus the longest packet written. It belongs to one goroutine.
type Repacketiser[S byte | int16] struct {
	frame int
	buf   []S
	start int // first sample not handed out
}

// NewRepacketiser makes packets of frame samples.
func NewRepacketiser[S byte | int16](frame int) *Repacketiser[S] {
	return &Repacketiser[S]{frame: frame, buf: make([]S, 0, 4*frame)}
}

// Write takes one packet's samples. Slices from Next are valid until then.
func (r *Repacketiser[S]) Write(s []S) {
	if r.start > 0 {
		n := copy(r.buf, r.buf[r.start:])
		r.buf, r.start = r.buf[:n], 0
	}
	r.buf = append(r.buf, s...)
}

// Next returns the next full frame; ok is false when there is none.
func (r *Repacketiser[S]) Next() (frame []S, ok bool) {
	end := r.start + r.frame
	if end > len(r.buf) {
		return nil, false
	}
	frame = r.buf[r.start:end:end]
	r.start = end
	return frame, true
}

// Pending is the number of samples that wait for a full frame.
func (r *Repacketiser[S]) Pending() int { return len(r.buf) - r.start }

// Reset forgets what is pending: the stream has jumped.
func (r *Repacketiser[S]) Reset() { r.buf, r.start = r.buf[:0], 0 }
