package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mostProbes are how many a scanner may get through before it is banned.
const mostProbes = 20

// scans lets SIPVicious look for extensions and passwords, then a tool that does not say what it is.
func scans(ctx context.Context, r *report, b *besieged) error {
	for _, s := range []struct {
		tool string
		args []string
		from string
	}{
		{"svmap", []string{"203.0.113.9", "-p", "5080"}, "203.0.113.61"},
		{"svwar", []string{"203.0.113.9", "-p", "5080", "-e", "100-300", "--force"}, "203.0.113.62"},
		{"svwar", []string{"203.0.113.9", "-p", "5080", "-e", "100-300", "-m", "INVITE", "--force"}, "203.0.113.63"},
		{"svcrack", []string{"203.0.113.9", "-p", "5080", "-u", "150", "-r", "1-300"}, "203.0.113.64"},
	} {
		what := s.tool
		if slices.Contains(s.args, "INVITE") {
			what += " INVITE"
		}
		if err := sipvicious(ctx, r, b, what, s.tool, s.from, s.args); err != nil {
			r.skip(what, err)
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

func sipvicious(ctx context.Context, r *report, b *besieged, what, tool, from string, args []string) error {
	if _, err := exec.LookPath(tool); err != nil {
		return fmt.Errorf("%w: %w", errNotHere, err)
	}
	probes := b.metric(`drawbridge_refused_total{kind="scanner"}`)
	route := exec.Command("ip", "-n", b.outside, "route", "replace", "203.0.113.9/32", "dev", "eth", "src", from)
	if out, err := route.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %w: %s", errNotHere, err, out)
	}
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", b.outside, tool}, args...)...)
	out, _ := cmd.CombinedOutput() // it fails, or is ended: silence is what it is there to find
	hits := found.FindAllString(string(out), -1)
	r.check(what+" finds nothing", len(hits) == 0, "%d findings", len(hits))
	got := int(b.metric(`drawbridge_refused_total{kind="scanner"}`) - probes)
	named := b.says("ids.alarm", "friendly-scanner", from)
	r.check(what+" is named within 20 probes", named && got >= 1 && got <= mostProbes, "it sent %d and gave up", got)
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
