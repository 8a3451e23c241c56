package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mostProbes are how many a scanner may get through before it is banned.
const mostProbes = 20

// scan is a run of one of SIPVicious' tools from an address of its own.
type scan struct {
	what, tool, from string
	args             []string
	reason           string // of the ban, when the tool does not say what it is
}

// What the tools print for each message.
var (
	sent     = regexp.MustCompile(`sending request for|:trying `)
	answered = regexp.MustCompile(`(?m)^b['"]SIP/2\.0 `) // of svwar alone
)

// openScans say what they are.
var openScans = []scan{
	{what: "svmap", tool: "svmap", args: []string{"203.0.113.9", "-p", "5080"}, from: "203.0.113.61"},
	{what: "svwar", tool: "svwar", args: []string{"203.0.113.9", "-p", "5080", "-e", "100-300", "--force"}, from: "203.0.113.62"},
	{what: "svwar INVITE", tool: "svwar", args: []string{"203.0.113.9", "-p", "5080", "-e", "100-300", "-m", "INVITE", "--force"}, from: "203.0.113.63"},
	{what: "svcrack", tool: "svcrack", args: []string{"203.0.113.9", "-p", "5080", "-u", "150", "-r", "1-300"}, from: "203.0.113.64"},
}

// hiddenScans go by the name of a phone, and go on whatever they hear. They know our domain, or take our address for it.
var hiddenScans = []scan{
	{
		what: "hidden svwar", tool: "svwar", from: "203.0.113.70", reason: "auth-ignored",
		args: []string{"203.0.113.9", "-p", "5080", "-e", "100-699", "--domain", "phones.test"},
	},
	{
		what: "hidden svwar, no domain", tool: "svwar", from: "203.0.113.71", reason: "auth-ignored",
		args: []string{"203.0.113.9", "-p", "5080", "-e", "100-699"},
	},
	{
		what: "hidden svwar INVITE", tool: "svwar", from: "203.0.113.72", reason: "auth-ignored",
		args: []string{"203.0.113.9", "-p", "5080", "-e", "100-699", "-m", "INVITE"},
	},
	{
		what: "hidden svcrack", tool: "svcrack", from: "203.0.113.73", reason: "auth-fail",
		args: []string{"203.0.113.9", "-p", "5080", "-u", "150", "--domain", "phones.test"},
	},
}

// scans lets SIPVicious look for extensions and passwords, under its name and under another, then a tool of our own.
func scans(ctx context.Context, r *report, b *besieged, dir string) error {
	for _, s := range openScans {
		if err := s.open(ctx, r, b); err != nil {
			r.skip(s.what, err)
		}
	}
	hidden, err := disguise(dir)
	if err != nil {
		r.skip("hidden scans", err)
	} else {
		for _, s := range hiddenScans {
			if err := s.hidden(ctx, r, b, hidden); err != nil {
				return err
			}
		}
	}
	if err := stubborn(r, b); err != nil {
		return err
	}
	if err := nameless(r, b); err != nil {
		return err
	}
	return uniform(r, b)
}

// found is what the tools print of an extension, a device or a password.
var found = regexp.MustCompile(`(?m)^\|\s*(1[0-9][0-9]|203\.0\.113\.9)`)

// run lets a command scan from the address and returns what it prints.
func (s *scan) run(ctx context.Context, b *besieged, env []string, command ...string) (string, error) {
	route := exec.Command("ip", "-n", b.outside, "route", "replace", "203.0.113.9/32", "dev", "eth", "src", s.from)
	if out, err := route.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %w: %s", errNotHere, err, out)
	}
	cmd := exec.CommandContext(ctx, "ip", slices.Concat([]string{"netns", "exec", b.outside}, command, s.args)...)
	cmd.Env = append(os.Environ(), env...)
	out, _ := cmd.CombinedOutput() // it fails, or is ended: silence is what it is there to find
	return string(out), ctx.Err()
}

// open runs the tool as it comes with the system.
func (s *scan) open(ctx context.Context, r *report, b *besieged) error {
	if _, err := exec.LookPath(s.tool); err != nil {
		return fmt.Errorf("%w: %w", errNotHere, err)
	}
	probes := b.metric(`drawbridge_refused_total{kind="scanner"}`)
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	out, err := s.run(ctx, b, nil, s.tool)
	if errors.Is(err, errNotHere) {
		return err
	}
	hits := found.FindAllString(out, -1)
	r.check(s.what+" finds nothing", len(hits) == 0, "%d findings", len(hits))
	got := int(b.metric(`drawbridge_refused_total{kind="scanner"}`) - probes)
	named := b.says("ids.alarm", "friendly-scanner", s.from)
	r.check(s.what+" is named within 20 probes", named && got >= 1 && got <= mostProbes, "it sent %d and gave up", got)
	return nil
}

const wrongPasswords = `drawbridge_rejected_total{status="401"}`

// hidden runs the tool from the copy that goes by another name.
func (s *scan) hidden(ctx context.Context, r *report, b *besieged, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	wrong := b.metric(wrongPasswords)
	command := []string{"python3", "-m", "sipvicious." + s.tool, "-v", "-v", "--maximumtime", "2"}
	switch s.tool {
	case "svwar":
		command = append(command, "--force", "--debug")
	case "svcrack":
		command = append(command, "-d", filepath.Join(dir, passwords))
	}
	out, err := s.run(ctx, b, []string{"PYTHONPATH=" + dir, "PYTHONDONTWRITEBYTECODE=1"}, command...)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", s.what, err, out)
	}
	asked, heard, hits := len(sent.FindAllString(out, -1)), len(answered.FindAllString(out, -1)), found.FindAllString(out, -1)
	if s.tool == "svcrack" { // it does not print what it hears
		heard = int(b.metric(wrongPasswords) - wrong)
	}
	r.check(s.what+" finds nothing", len(hits) == 0 && asked > 15, "%d findings, %d probes", len(hits), asked)
	banned := b.says("ids.deny", s.reason, s.from)
	r.check(s.what+" is banned within 20 probes", banned && heard > 0 && heard <= mostProbes, "%d answers", heard)
	return nil
}

// stubborn is a scanner that does not give up at silence, as later versions do not.
func stubborn(r *report, b *besieged) error {
	probes := b.metric(`drawbridge_refused_total{kind="scanner"}`)
	heard, err := b.ask("203.0.113.68", "REGISTER", "friendly-scanner", 100)
	got := int(b.metric(`drawbridge_refused_total{kind="scanner"}`) - probes)
	banned := b.says("ids.deny", "friendly-scanner", "203.0.113.68")
	r.check("a stubborn scanner is banned within 20 probes", err == nil && banned && got <= mostProbes, "after %d of 100", got)
	r.check("and hears nothing at all", heard == 0, "%d answers", heard)
	return nil
}

// nameless tries out extensions as a phone would register, ten a second.
func nameless(r *report, b *besieged) error {
	conn, err := b.stranger("203.0.113.67")
	if err != nil {
		return err
	}
	defer conn.Close()
	statuses := map[string]int{}
	buf := make([]byte, 4096)
	for i := range 60 {
		ext := fmt.Sprint(130 + i)
		if _, err := conn.Write([]byte(message("REGISTER", conn.LocalAddr().(*net.UDPAddr).AddrPort(), ext, i, "Phone/1.0"))); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return err
		}
		if n, err := conn.Read(buf); err == nil {
			statuses[strings.SplitN(string(buf[:n]), "\r\n", 2)[0]]++
			<-time.After(90 * time.Millisecond)
		}
	}
	answers := 0
	for _, n := range statuses {
		answers += n
	}
	banned := b.says("ids.deny", "auth-challenge-ignored", "203.0.113.67")
	r.check("a nameless scan is banned within 20 probes", banned && answers <= mostProbes, "%d answers to 60", answers)
	r.check("and is told one thing of every extension", len(statuses) == 1, "%v", statuses)
	return nil
}

// uniform measures how long the gateway thinks about an account that there is and one that there is not.
func uniform(r *report, b *besieged) error {
	conn, err := b.stranger("203.0.113.69") // on the allow list: it may ask as often as it likes
	if err != nil {
		return err
	}
	defer conn.Close()
	buf := make([]byte, 4096)
	from := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	times := map[string][]time.Duration{}
	texts := map[string]map[string]bool{"150": {}, "151": {}}
	for i := range 100 {
		for _, user := range []string{"150", "151"} {
			ask := func(auth string) (string, error) {
				m := message("REGISTER", from, user, i, "Phone/1.0")
				m = strings.Replace(m, "sip:"+user+"@203.0.113.9:5080 SIP", "sip:phones.test SIP", 1)
				m = strings.Replace(m, "User-Agent:", "Subject: "+strings.Repeat("x", 800)+"\r\nUser-Agent:", 1) // no answer is much larger, so none is held back
				if auth != "" {
					m = strings.Replace(m, "User-Agent:", auth+"\r\nUser-Agent:", 1)
				}
				if _, err := conn.Write([]byte(m)); err != nil {
					return "", err
				}
				if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
					return "", err
				}
				n, err := conn.Read(buf)
				return string(buf[:n]), err
			}
			challenge, err := ask("")
			if err != nil {
				return err
			}
			nonce := regexp.MustCompile(`nonce="([^"]+)"`).FindStringSubmatch(challenge)
			if nonce == nil {
				return fmt.Errorf("no challenge: %s", firstLine(challenge))
			}
			start := time.Now()
			refusal, err := ask(fmt.Sprintf(`Authorization: Digest username="%s",realm="phones.test",nonce="%s",uri="sip:phones.test",`+
				`response="0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",algorithm=SHA-256,qop=auth,nc=00000001,cnonce="x"`, user, nonce[1]))
			if err != nil {
				return err
			}
			times[user] = append(times[user], time.Since(start))
			texts[user][firstLine(refusal)] = true
		}
	}
	median := func(user string) time.Duration {
		slices.Sort(times[user])
		return times[user][len(times[user])/2]
	}
	known, unknown := median("150"), median("151")
	r.check("wrong password and unknown user sound alike", fmt.Sprint(texts["150"]) == fmt.Sprint(texts["151"]) && (known-unknown).Abs() < 2*time.Millisecond,
		"%v and %v, median %s and %s", texts["150"], texts["151"], known.Round(time.Microsecond), unknown.Round(time.Microsecond))
	return nil
}
