package main

import (
	"fmt"
	"strings"
)

// telltales are pieces of the corpora that only a message in the log could bring there.
var telltales = []string{"SIP/2.0", "m=audio", "z9hG4bK", "Content-Length:", `\r\n`}

// discreet looks for messages in the log.
func (p *process) discreet() error {
	text := p.log.String()
	for _, s := range telltales {
		if lines := grep(text, s); len(lines) > 0 {
			return fmt.Errorf("%d log lines hold a message (%q), such as %s", len(lines), s, lines[0])
		}
	}
	return nil
}

func grep(text, word string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			out = append(out, line)
		}
	}
	return out
}
