package rules

// Row is one rule. All that it names must hold; what it leaves out holds always.
type Row struct {
	Realm     string      `yaml:"realm" doc:"Realm whose messages it is for; any by default."`
	Direction string      `yaml:"direction" doc:"in: messages from the far side, before they are judged; out: those to it, last of all; both by default." enum:"in,out"`
	Messages  string      `yaml:"messages" doc:"Only requests or only responses; both by default." enum:"request,response"`
	Methods   []string    `yaml:"methods" doc:"Methods of the request, or of the one that is answered; any by default."`
	Status    []string    `yaml:"status" doc:"Responses with these codes, such as [486, 5xx]."`
	When      []Condition `yaml:"when" doc:"Conditions; all must hold."`

	Do    string `yaml:"do" doc:"add: one more header; set: the element gets the value, a header that is not there is made; replace: what match finds in the element; remove: the element, or with match those headers that it fits; copy: the element gets the value of the one in from; reject: the request is answered with code; use: the rows of another set, and nothing else in the row. Needed." enum:"add,set,replace,remove,copy,reject,use"`
	Of    string `yaml:"of" doc:"The element: a header, Request-URI, From, To, Reason-Phrase or body, and perhaps a part of it: .user, .host, .display, .param.NAME or .uri-param.NAME, such as P-Asserted-Identity.user."`
	Match string `yaml:"match" doc:"Regular expression (RE2) for replace and remove."`
	To    string `yaml:"to" doc:"What is written: $1 is a group of match, ${name} what a named group of a condition of this row or one before it has caught, $$ a dollar sign. Of reject the reason phrase, of use the set."`
	From  string `yaml:"from" doc:"The element that copy takes the value of."`
	Code  int    `yaml:"code" doc:"Status that reject answers with, 400 to 699; 403 by default."`
}

// Condition is a question to an element of the message.
type Condition struct {
	Of    string `yaml:"of" doc:"The element, as in a row."`
	Match string `yaml:"match" doc:"Regular expression (RE2) that one of its values fits; without it the element has to be there. Named groups, such as (?P<num>[0-9]+), are kept for to."`
	Not   bool   `yaml:"not" doc:"Holds when the rest does not."`
}

// Direction is a way through the border.
type Direction string

// The directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// Chosen here: bounds.
const (
	maxRows     = 200       // of a set
	maxChain    = 500       // rows that one message meets
	maxPattern  = 512       // bytes
	maxProgram  = 4096      // instructions of a compiled pattern
	maxTemplate = 1024      // bytes
	maxValue    = 64 << 10  // bytes of an element, read or written
	maxWork     = 512 << 10 // bytes that patterns look at in one message
)

// action is a word of do.
type action uint8

const (
	doAdd action = iota + 1
	doSet
	doReplace
	doRemove
	doCopy
	doReject
	doUse
)

var actions = map[string]action{"add": doAdd, "set": doSet, "replace": doReplace, "remove": doRemove, "copy": doCopy, "reject": doReject, "use": doUse}
