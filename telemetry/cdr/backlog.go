package cdr

// backlog is the lines that are not in the file yet, oldest first, one behind the other. It keeps its memory: records come at the rate of calls.
type backlog struct {
	text  []byte
	from  int   // where in text the oldest line begins
	sizes []int // of the lines, newline included
	done  int   // bytes of the oldest line that are in the file
}

// Chosen here.
const (
	fairPiece = 64 << 10 // bytes of one write
	mostRoom  = 1 << 20  // bytes that are kept when there are no lines
)

func (b *backlog) len() int { return len(b.sizes) }

// add takes a line that fn appends.
func (b *backlog) add(fn func([]byte) []byte) {
	if b.from > len(b.text)/2 {
		b.text, b.from = append(b.text[:0], b.text[b.from:]...), 0
	}
	before := len(b.text)
	b.text = fn(b.text)
	b.sizes = append(b.sizes, len(b.text)-before)
}

// dropOldest drops the oldest line of which nothing is in the file. One that was cut gets its end.
func (b *backlog) dropOldest() {
	gone := b.sizes[0]
	if b.done > 0 && len(b.sizes) > 1 {
		cut := b.text[b.from : b.from+b.sizes[0]]
		gone = b.sizes[1]
		copy(b.text[b.from+gone:], cut) // it moves up, to the line behind the one that goes
		b.sizes[1] = b.sizes[0]
	}
	b.from += gone
	b.sizes = b.sizes[1:]
}

// piece is what the next write takes: what is left of the oldest line and as many more as make a fair piece.
func (b *backlog) piece() []byte {
	size := 0
	for _, n := range b.sizes {
		if size += n; size >= fairPiece {
			break
		}
	}
	return b.text[b.from+b.done : b.from+size]
}

// advance notes that n more bytes are in the file, and returns how many lines that has made whole.
func (b *backlog) advance(n int) (whole int) {
	b.done += n
	for whole < len(b.sizes) && b.done >= b.sizes[whole] {
		b.from += b.sizes[whole]
		b.done -= b.sizes[whole]
		whole++
	}
	if b.sizes = b.sizes[whole:]; len(b.sizes) == 0 {
		b.clear()
	}
	return whole
}

// clear makes room for the next lines.
func (b *backlog) clear() {
	b.text, b.from, b.sizes, b.done = b.text[:0], 0, b.sizes[:0], 0
	if cap(b.text) > mostRoom {
		b.text, b.sizes = nil, nil
	}
}
