package fraud

import "time"

// Level is how bad it is.
type Level uint8

// The levels.
const (
	None Level = iota
	Warning
	Critical
)

var levelNames = [...]string{"none", "warning", "critical"}

func (l Level) String() string { return levelNames[l] }

// Kind is what was counted.
type Kind uint8

// The kinds, in the order in which they are judged.
const (
	PerMinute  Kind = iota // attempts in 60 s
	PerHour                // attempts in 60 min
	PerDay                 // attempts in 24 h
	Concurrent             // calls at a time
	Sequential             // attempts to one number, no other in between and no hour of rest
	Networks               // networks that an account calls from within an hour
	Unanswered             // calls of the last hour that rang for less than Ring and were given up
	Quick                  // calls of the last hour that were answered in less than FalseAnswer
	Duration               // seconds that one call has lasted
	SpendHour              // money in 60 min
	SpendDay               // money in 24 h
	Denied                 // a call that the rule does not allow at all
	numKinds
)

var kindNames = [...]string{
	"per_minute", "per_hour", "per_day", "concurrent", "sequential", "networks", "unanswered", "quick", "duration", "spend_hour", "spend_day", "denied",
}

func (k Kind) String() string { return kindNames[k] }

// blocks reports whether an account that is beyond a critical limit of the kind is blocked: not for what one call is, or its own length.
func (k Kind) blocks() bool { return k != Denied && k != Duration }

// ends reports whether calls that are up end at a critical limit of the kind.
func (k Kind) ends() bool { return k == Duration || k == SpendHour || k == SpendDay }

// ParseKind finds the kind of a word.
func ParseKind(word string) (Kind, bool) {
	for k, name := range kindNames {
		if name == word {
			return Kind(k), true
		}
	}
	return 0, false
}

// Chosen here.
const (
	Ring        = 10 * time.Second // a call that is given up sooner was not meant to be answered
	FalseAnswer = time.Second      // nobody picks up a phone so soon: a machine has answered
)

// Alarm says what passed which limit. There is one each time that a limit is passed, not one for each call beyond it.
type Alarm struct {
	Level Level
	Kind  Kind
	Value float64
	Limit float64
}

// Verdict is what a counter has to say of a call.
type Verdict struct {
	Refuse bool          // the attempt, or the call that goes on
	Until  time.Time     // when a block ends that begins or is in force; zero: there is none
	Alarms []Alarm       // news, the worst first within a kind
	end    bool          // a call that is up ends
	Next   time.Duration // when a call that goes on has to be judged again; 0: never
}
