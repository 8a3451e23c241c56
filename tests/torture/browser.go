package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"drawbridge/tests/gateway"
	"drawbridge/tests/light"
)

// browser offers the session descriptions as a browser does: the tools cannot sign in. What a trunk is refused for its profile is served
// here, and the other way round.
func browser(ctx context.Context, where places, key gateway.Identity, verbose bool) (tally, error) {
	line, err := light.SignIn(ctx, webTLS, key.Pool, "torture", "of torture")
	if err != nil {
		return tally{}, err
	}
	defer line.Close()
	dir := filepath.Join(where.corpora, "sdp")
	verdicts, err := os.ReadFile(filepath.Join(dir, "verdict.tsv"))
	if err != nil {
		return tally{}, err
	}
	var t tally
	answers := 0
	for row := range strings.Lines(string(verdicts)) {
		name, want, ok := strings.Cut(strings.TrimSpace(row), "\t")
		offer, err := os.ReadFile(filepath.Join(dir, name))
		if !ok || errors.Is(err, os.ErrNotExist) {
			continue // the verdicts speak of more files than are kept
		}
		if err != nil {
			return t, err
		}
		answer, refusal, wrong := call(line, strconv.Itoa(t.pass+t.fail), string(offer), want)
		if answer {
			answers++
		}
		if t.pass++; wrong != nil {
			t.pass, t.fail = t.pass-1, t.fail+1
		}
		if verbose || wrong != nil {
			fmt.Printf("  %-34s answered %t, refused %d, owed %s: %v\n", name, answer, refusal, want, wrong)
		}
	}
	if answers < 10 {
		return t, fmt.Errorf("only %d offers were answered: nothing has been shown", answers)
	}
	return t, nil
}

// call offers one description and judges what comes back: an answer by RFC 3264, or a refusal that is not the gateway's own failure.
func call(line *light.Line, id, offer, want string) (answered bool, refusal int, wrong error) {
	answer, err := line.Call(id, "1000", offer)
	var no *light.Refusal
	switch {
	case errors.As(err, &no) && (no.Status >= 500 || no.Status < 400 || strings.Contains(want, "!"+strconv.Itoa(no.Status))):
		return false, no.Status, err
	case errors.As(err, &no):
		return false, no.Status, nil
	case err != nil:
		return false, 0, err
	}
	return true, 0, errors.Join(fits(offer, answer), line.Hangup(id))
}

// mLine is what RFC 3264 section 6 compares.
type mLine struct {
	media, port, proto, direction string
	bundled                       bool
}

// answerTo lists the directions that may answer one (RFC 3264 section 6.1).
var answerTo = map[string]string{
	"sendrecv": "sendrecv sendonly recvonly inactive", "sendonly": "recvonly inactive", "recvonly": "sendonly inactive", "inactive": "inactive",
}

// fits says what makes an answer none for its offer.
func fits(offer, answer string) error {
	offered, answers := mLines(offer), mLines(answer)
	if len(offered) != len(answers) {
		return fmt.Errorf("%d m-lines answer %d", len(answers), len(offered))
	}
	for i, o := range offered {
		a := answers[i]
		switch {
		case a.media != o.media || !strings.EqualFold(a.proto, o.proto):
			return fmt.Errorf("line %d: %+v answers %+v", i, a, o)
		case a.port == "0":
		case o.port == "0" && !o.bundled:
			return fmt.Errorf("line %d: taken although it was refused", i)
		case !strings.Contains(answerTo[o.direction], a.direction):
			return fmt.Errorf("line %d: %s answers %s", i, a.direction, o.direction)
		}
	}
	return nil
}

func mLines(sdp string) []mLine {
	session := "sendrecv"
	var lines []mLine
	for text := range strings.Lines(sdp) {
		text = strings.TrimRight(text, "\r\n")
		if rest, ok := strings.CutPrefix(text, "m="); ok {
			f := append(strings.Fields(rest), "", "", "")
			port, _, _ := strings.Cut(f[1], "/")
			lines = append(lines, mLine{media: f[0], port: port, proto: f[2], direction: session})
			continue
		}
		value := strings.ToLower(strings.TrimPrefix(text, "a="))
		switch _, direction := answerTo[value]; {
		case direction && len(lines) == 0:
			session = value
		case direction:
			lines[len(lines)-1].direction = value
		case value == "bundle-only" && len(lines) > 0:
			lines[len(lines)-1].bundled = true
		}
	}
	return lines
}
