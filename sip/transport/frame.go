package transport

import (
	"bytes"
	"fmt"
	"strconv"
)

// framer cuts a byte stream into SIP messages (RFC 3261 section 18.3): a header section up to a blank line, then as many bytes as
// Content-Length says. It holds one message at most and looks at each byte once, however small the pieces are that it comes in.
//
//	between ---byte---> header ---blank line---> body ---Content-Length bytes---> between
type framer struct {
	limit int // bytes of a message

	buf   []byte
	r, w  int // unread bytes are buf[r:w]
	line  int // header: start of the line that is being looked at, relative to r
	seen  int // header: how far it has been looked at, relative to r
	total int // body: bytes of the whole message; 0 in the header
	head  int // bytes of the header section, its blank line included
}

// frame is what next has found.
type frame uint8

const (
	frameMore    frame = iota // read on
	frameBlank                // a CRLF between messages
	framePing                 // two at once
	frameMessage              // a message
)

// frameError is a message whose end cannot be told: the stream is of no use behind it. head is its header section, as far as it came.
type frameError struct {
	status int
	reason string
	head   []byte
}

func (e *frameError) Error() string {
	return fmt.Sprintf("transport: framing: %s (%d)", e.reason, e.status)
}

// next returns what comes first in the stream. The message stays valid until room is called.
func (fr *framer) next() (frame, []byte, error) {
	if fr.total == 0 {
		if blank, done := fr.between(); done {
			return blank, nil, nil
		}
		if done, err := fr.header(); !done || err != nil {
			return frameMore, nil, err
		}
	}
	if fr.w-fr.r < fr.total {
		return frameMore, nil, nil
	}
	msg := fr.buf[fr.r : fr.r+fr.total]
	fr.r += fr.total
	fr.line, fr.seen, fr.total, fr.head = 0, 0, 0, 0
	return frameMessage, msg, nil
}

// between takes line ends off that lie between messages (RFC 3261 section 7.5); done means that nothing else is there yet.
func (fr *framer) between() (f frame, done bool) {
	for fr.seen == 0 && fr.r < fr.w {
		switch in := fr.buf[fr.r:fr.w]; {
		case in[0] == '\n':
			fr.r++
		case in[0] != '\r':
			return 0, false
		case len(in) == 1:
			return frameMore, true
		case bytes.HasPrefix(in, []byte(ping)):
			fr.r += len(ping)
			return framePing, true
		case in[1] == '\n':
			fr.r += len(pong)
			return frameBlank, true
		default:
			fr.r++
		}
	}
	return frameMore, fr.r == fr.w
}

// header looks for the end of the header section; done when it is there and total is known.
func (fr *framer) header() (done bool, err error) {
	in := fr.buf[fr.r:fr.w]
	for {
		i := bytes.IndexByte(in[fr.seen:], '\n')
		if i < 0 {
			fr.seen = len(in)
			if len(in) >= fr.limit {
				return false, &frameError{513, "Header Section Too Large", in}
			}
			return false, nil
		}
		end := fr.seen + i
		switch text := in[fr.line:end]; {
		case len(text) == 0, text[len(text)-1] != '\r':
			return false, &frameError{400, "Bad Line End", in[:end+1]} // a lenient peer and a strict one would see two messages
		case len(text) == 1:
			fr.head = end + 1
			return true, fr.measure(in[:fr.head])
		}
		fr.seen, fr.line = end+1, end+1
	}
}

// measure learns the size of the message from its header section.
func (fr *framer) measure(head []byte) error {
	length, err := contentLength(head)
	if err != nil {
		return err
	}
	if len(head)+length > fr.limit {
		return &frameError{513, "Message Too Large", head}
	}
	fr.total = len(head) + length
	return nil
}

// contentLength reads the one field that framing needs. It must be there (RFC 3261 section 18.3), once, and a number; a number too
// large for an int counts as the largest. Where it is missing, which RFC 2543 allowed, the answer is the 411 of that RFC: the request
// is not malformed, it only has no end.
func contentLength(head []byte) (int, error) {
	length := -1
	for rest := head; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		value, ok := lengthField(line)
		if !ok {
			continue
		}
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') { // folded
			var more []byte
			more, rest, _ = bytes.Cut(rest, []byte("\r\n"))
			value = append(value[:len(value):len(value)], more...)
		}
		n, ok := decimal(bytes.Trim(value, " \t"))
		if !ok || length >= 0 {
			return 0, &frameError{400, "Bad Content-Length", head}
		}
		length = n
	}
	if length < 0 {
		return 0, &frameError{411, "Length Required", head}
	}
	return length, nil
}

// lengthField returns the value of a line that is a Content-Length, by its long or its compact name.
func lengthField(line []byte) ([]byte, bool) {
	if len(line) == 0 || line[0]|0x20 != 'c' && line[0]|0x20 != 'l' {
		return nil, false
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	return value, ok && (bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("l")))
}

func decimal(b []byte) (int, bool) {
	if len(b) == 0 || len(bytes.Trim(b, "0123456789")) > 0 {
		return 0, false
	}
	n, err := strconv.Atoi(string(b))
	if err != nil {
		n = 1<<31 - 1 // out of range, digits alone: too large for any limit
	}
	return n, true
}

// partial reports whether a message has begun and has not ended.
func (fr *framer) partial() bool { return fr.w > fr.r }

// begun is the header section of the partial message; empty while it is not whole.
func (fr *framer) begun() []byte { return fr.buf[fr.r : fr.r+fr.head] }

// room returns the space for the next read. It moves what is unread to the front and doubles the buffer when that is not enough, up
// to one message.
func (fr *framer) room() []byte {
	if fr.r > 0 {
		fr.w = copy(fr.buf, fr.buf[fr.r:fr.w])
		fr.r = 0
	}
	switch {
	case fr.w == 0 && len(fr.buf) != streamBuffer:
		fr.buf = make([]byte, streamBuffer) // a large one is not kept
	case fr.w == len(fr.buf):
		fr.buf = append(fr.buf, make([]byte, min(max(len(fr.buf), 1), fr.limit+streamBuffer-len(fr.buf)))...)
	}
	return fr.buf[fr.w:]
}

// size is the memory that the framer holds, in bytes.
func (fr *framer) size() int { return len(fr.buf) }

// filled says how much of room has been read.
func (fr *framer) filled(n int) { fr.w += n }
