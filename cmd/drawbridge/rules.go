package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"drawbridge/config"
	"drawbridge/policy/rules"
	"drawbridge/sip/wire"
)

type rulesCommand struct {
	Test rulesTestCommand `cmd:"" help:"Print what rules make of a message, line by line; with --golden exit 1 unless it is that one."`
}

type rulesTestCommand struct {
	Rules     string   `arg:"" type:"existingfile" help:"Rules, YAML: a configuration, or its rules alone."`
	Message   string   `arg:"" type:"existingfile" help:"SIP message. With bare line feeds its Content-Length is counted anew."`
	Set       []string `help:"Sets to apply, in order; needed when there are several."`
	Direction string   `enum:"in,out" default:"in" help:"in or out."`
	Realm     string   `help:"Realm of the far side."`
	Golden    string   `type:"existingfile" help:"Message that has to come out."`
}

// errMessage is a file that holds no message that the gateway would take.
var errMessage = errors.New("no SIP message that could be read")

// Run tries the rules.
func (c rulesTestCommand) Run() error {
	book, err := config.LoadRules(c.Rules)
	if report, ok := errors.AsType[*config.Report](err); ok {
		fmt.Println(report)
		return errVerdict
	}
	if err != nil {
		return err
	}
	message, err := readMessage(c.Message)
	if err != nil {
		return err
	}
	after, err := c.try(os.Stdout, book, message)
	if err != nil || c.Golden == "" {
		return err
	}
	golden, err := readMessage(c.Golden)
	if err != nil {
		return err
	}
	if after == nil || !bytes.Equal(after.Bytes(), golden.Bytes()) {
		fmt.Println("not golden:")
		if after != nil {
			printLines(os.Stdout, rules.Difference(string(golden.Bytes()), string(after.Bytes())))
		}
		return errVerdict
	}
	return nil
}

// try applies the rules and prints which did something and what came of it. There is no message when they reject it.
func (c rulesTestCommand) try(w io.Writer, book rules.Book, m *wire.Message) (*wire.Message, error) {
	names := c.Set
	if all := book.Names(); len(names) == 0 && len(all) == 1 {
		names = all
	}
	chain, ok := book.Chain(names...)
	if !ok || len(names) == 0 {
		return nil, fmt.Errorf("--set names the rules to apply; there are %s", strings.Join(book.Names(), ", "))
	}
	res, err := chain.Apply(rules.At{Realm: c.Realm, Direction: rules.Direction(c.Direction)}, m)
	if err != nil {
		_, _ = fmt.Fprintln(w, "500 rules.error:", err)
		return nil, errVerdict
	}
	if len(res.Hits) > 0 {
		_, _ = fmt.Fprintln(w, "# "+strings.Join(res.Hits, " "))
	}
	if res.Status != 0 {
		phrase := res.Reason
		if phrase == "" {
			phrase = wire.ReasonPhrase(res.Status)
		}
		_, _ = fmt.Fprintln(w, "rejected:", res.Status, phrase)
		return nil, nil
	}
	printLines(w, rules.Difference(string(m.Bytes()), string(res.Message.Bytes())))
	return res.Message, nil
}

func printLines(w io.Writer, lines []string) {
	for _, l := range lines {
		_, _ = fmt.Fprintln(w, l)
	}
}

// readMessage reads a message from a file.
func readMessage(name string) (*wire.Message, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > wire.MaxMessage {
		return nil, fmt.Errorf("%s: %w", name, errMessage)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	m, err := parseMessage(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

var contentLength = regexp.MustCompile(`(?im)^(content-length|l)[ \t]*:.*\r\n`)

// parseMessage reads a message as the gateway does. One from an editor gets the line ends that belong there.
func parseMessage(raw []byte) (*wire.Message, error) {
	if !bytes.Contains(raw, []byte("\r\n")) {
		raw = bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
		head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
		head = contentLength.ReplaceAll(append(bytes.TrimRight(head, "\r\n"), "\r\n"...), nil)
		raw = append(append(head, "\r\n"...), body...)
	}
	m, verdict := wire.Read(raw, wire.CanonOptions{})
	if m == nil || verdict.Status != 0 {
		if verdict.Status > 0 {
			return nil, fmt.Errorf("%w: the gateway answers %d %s", errMessage, verdict.Status, verdict.Reason)
		}
		return nil, errMessage
	}
	return m, nil
}
