package wire

// frame is a message that was read, with the room for what most of them have one or two of: a message takes one piece of memory and its
// text another, where a piece for each list would make ten.
type frame struct {
	Message
	vias     [1]Via
	contacts [1]Addr
	params   [5]Param // a branch, two tags, and what else is there: TestRoomFits
}

// reply is a response that is being made, with the room for its own tag and for the lines that are added to it.
type reply struct {
	Message
	fields [3]Field
	tag    [1]Param
}

// asking is the same for a request.
type asking struct {
	Message
	fields [4]Field
}

// take cuts room for n parameters off what is left, or makes it.
func (p *Params) take(n int) Params {
	if p == nil || n > len(*p) {
		return make(Params, 0, n)
	}
	room := (*p)[:0:n]
	*p = (*p)[n:]
	return room
}
