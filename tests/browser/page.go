package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Page is one tab. It belongs to the test that opened it, which fails when the browser cannot be driven.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// stepLimit bounds every step: a browser that answers nothing must not hang the suite.
const stepLimit = 20 * time.Second

// Result is what a verb of a phone came to. Status is a SIP status when the library knows one.
type Result struct {
	OK     bool            `json:"ok"`
	Value  json.RawMessage `json:"value"`
	Status int             `json:"status"`
	Error  string          `json:"error"`
}

// Account is what a phone in the page signs in with.
type Account struct {
	URL      string `json:"url"`
	Domain   string `json:"domain"`
	User     string `json:"user"`
	Password string `json:"password"`
	Library  string `json:"library,omitempty"` // where drawbridge.js is
}

// Ending is how a call ended, as the library tells.
type Ending struct {
	By     string `json:"by"` // "local" or "remote"
	Status int    `json:"status"`
	Cause  string `json:"cause"`
}

// Heard is a measurement of the received audio.
type Heard struct {
	OK    bool    `json:"ok"`
	RMS   float64 `json:"rms"`
	Share float64 `json:"share"`
}

// Phone is one client in the page.
type Phone struct {
	*Page
	name string
}

// Received counts samples that the browser played: all of them, those that it made up for lost ones, those of them that are silent, and
// lost packets.
type Received struct{ Samples, Concealed, Silent, Lost float64 }

// Open makes a phone of a kind ("jssip", "sipjs", "json") and registers it.
func (p *Page) Open(name, kind string, a Account) (*Phone, Result) {
	p.t.Helper()
	ph := &Phone{Page: p, name: name}
	return ph, p.await("window.tests.open", name, kind, a)
}

// Try runs a verb and returns what it came to.
func (p *Phone) Try(verb string, args ...any) Result {
	p.t.Helper()
	return p.await("window.tests.drive", append([]any{p.name, verb}, args...)...)
}

// Do runs a verb that must succeed, and decodes its value into out unless that is nil.
func (p *Phone) Do(out any, verb string, args ...any) {
	p.t.Helper()
	r := p.Try(verb, args...)
	p.must(r, out, verb)
}

func (p *Phone) must(r Result, out any, verb string) {
	p.t.Helper()
	if !r.OK {
		p.t.Fatalf("the browser's %s: %d %s\n%s", verb, r.Status, r.Error, p.complained())
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(r.Value, out); err != nil {
		p.t.Fatalf("the browser's %s: %v", verb, err)
	}
}

// Begin starts a verb; the function it returns waits for its end.
func (p *Phone) Begin(verb string, args ...any) (finish func() Result) {
	p.t.Helper()
	key := fmt.Sprintf("window.pending_%s_%s", p.name, verb)
	start := call("window.tests.drive", append([]any{p.name, verb}, args...)...)
	evaluate[bool](p.Page, fmt.Sprintf("%s = %s, true", key, start))
	return func() Result {
		p.t.Helper()
		return p.awaitExpression(key)
	}
}

// Hears fails the test unless a clean tone is in the audio that the browser plays.
func (p *Phone) Hears(frequency int, limit time.Duration) {
	p.t.Helper()
	var h Heard
	p.Do(&h, "hear", frequency, limit.Milliseconds())
	if !h.OK {
		p.t.Errorf("the browser does not play %d Hz: share %.2f of rms %.4f", frequency, h.Share, h.RMS)
	}
}

// Quiet fails the test unless the browser comes to play nothing.
func (p *Phone) Quiet(limit time.Duration) {
	p.t.Helper()
	var h Heard
	p.Do(&h, "silence", limit.Milliseconds())
	if !h.OK {
		p.t.Errorf("the browser still plays something: rms %.4f", h.RMS)
	}
}

// Ended waits for the end of the call.
func (p *Phone) Ended() Ending {
	p.t.Helper()
	var e Ending
	p.Do(&e, "ended")
	return e
}

// Descriptions are the SDP that the browser works with.
func (p *Phone) Descriptions() (local, remote string) {
	p.t.Helper()
	var d struct{ Local, Remote string }
	p.Do(&d, "descriptions")
	return d.Local, d.Remote
}

// Inject runs the tests' script in a page that is not theirs.
func (p *Page) Inject(s Site) {
	p.t.Helper()
	script, err := os.ReadFile(s.script)
	if err != nil {
		p.t.Fatal(err)
	}
	evaluate[bool](p, string(script)+"\n;true")
}

// Plays fails the test unless a media element of the page plays a clean tone.
func (p *Page) Plays(selector string, frequency int, limit time.Duration) {
	p.t.Helper()
	r := p.await("window.tests.hear", selector, frequency, limit.Milliseconds())
	var h Heard
	if err := json.Unmarshal(r.Value, &h); err != nil || !h.OK {
		p.t.Errorf("%s does not play %d Hz: %s", selector, frequency, r.Value)
	}
}

// Until waits for a JavaScript expression to be true.
func (p *Page) Until(expression string) {
	p.t.Helper()
	run(p, expression, chromedp.Poll[bool](expression))
}

// Bytes are all WebSocket messages of the page, each way.
func (p *Page) Bytes() (received, sent string) {
	p.t.Helper()
	return evaluate[string](p, "window.tests.bytesReceived()"), evaluate[string](p, "window.tests.bytesSent()")
}

// Allow restricts the codecs that the page's later calls offer and accept, best first.
func (p *Page) Allow(codecs ...string) {
	p.t.Helper()
	evaluate[bool](p, call("window.tests.allow", codecs)+", true")
}

// Chirp makes the page's later calls say chirps instead of the tone, for RoundTrips.
func (p *Page) Chirp() {
	p.t.Helper()
	evaluate[bool](p, "window.tests.chirp(), true")
}

// RoundTrips measures how long a number of chirps take to a phone that echoes and back; chirps that do not come back are missing.
func (p *Phone) RoundTrips(count int) (out []time.Duration) {
	p.t.Helper()
	var ms []float64
	p.must(p.await("window.tests.roundTrips", p.name, count), &ms, "round trips")
	for _, d := range ms {
		out = append(out, time.Duration(d*float64(time.Millisecond)))
	}
	return out
}

// Connected is the time from the 200 of the newest call to the end of ICE and DTLS; it fails the test when they do not end.
func (p *Page) Connected() time.Duration {
	p.t.Helper()
	p.Until("window.tests.connected() >= 0")
	return time.Duration(evaluate[float64](p, "window.tests.connected()") * float64(time.Millisecond))
}

// BreakFingerprint makes the phone's SDP name another certificate than the one it uses.
func (p *Phone) BreakFingerprint() {
	p.t.Helper()
	evaluate[bool](p.Page, call("window.tests.breakFingerprint", p.name)+", true")
}

// Text is a JavaScript expression's value, for tests of the product's own page.
func (p *Page) Text(expression string) string {
	p.t.Helper()
	return evaluate[string](p, expression)
}

// Do runs a step in the tab; what names it in a failure.
func (p *Page) Step(what string, step chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	run(p, what, step)
}

func (p *Page) await(function string, args ...any) Result {
	p.t.Helper()
	return p.awaitExpression(call(function, args...))
}

func (p *Page) awaitExpression(expression string) Result {
	p.t.Helper()
	return run(p, expression, chromedp.Evaluate[Result](expression, chromedp.EvalAwaitPromise))
}

func evaluate[T any](p *Page, expression string) T {
	p.t.Helper()
	return run(p, expression, chromedp.Evaluate[T](expression))
}

// run runs one action with a deadline.
func run[T any](p *Page, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepLimit)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("browser, %s: %v\n%s", what, err, p.complained())
	}
	return v
}

func (p *Page) complain(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, text)
}

func (p *Page) complained() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.complaints, "\n")
}

// call writes a JavaScript call with JSON arguments.
func call(function string, args ...any) string {
	var texts []string
	for _, a := range args {
		b, err := json.Marshal(a)
		if err != nil {
			panic("argument of " + function + ": " + err.Error()) // impossible: tests pass strings, numbers and structs of them
		}
		texts = append(texts, string(b))
	}
	return function + "(" + strings.Join(texts, ", ") + ")"
}
