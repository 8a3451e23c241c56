package tests

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"drawbridge/tests/gateway"
	"drawbridge/tests/phone"
	"drawbridge/transcode"
)

// The network of the NAT test: a gateway and an office in public, a phone at home behind a router that masquerades.
//
//	home 192.168.7.20 ── 192.168.7.1 router 203.0.113.5 ── 203.0.113.9 gateway, 203.0.113.77 office
var (
	natGateway = netip.MustParseAddrPort("203.0.113.9:5060")
	natOffice  = netip.MustParseAddrPort("203.0.113.77:5080")
	natHome    = netip.MustParseAddr("192.168.7.20")
)

const natConfig = `
web: {realm: access}
realms:
  access: {media: {bind: 127.0.0.1, udp: 40000}}
  carrier: {listen: ["udp:203.0.113.9:5060"], media: {bind: 203.0.113.9, ports: 20000-20099}}
trunks:
  home: {realm: carrier, targets: ["sip:203.0.113.5"], codecs: [PCMA]}
  office: {realm: carrier, targets: ["sip:203.0.113.77:5080"], codecs: [PCMA]}
routes: [{from: carrier, to: "*", via: [office]}]
cdr: {file: "off"}
drain: {timeout: 10ms} # the call is up when the test ends
`

// TestPhoneBehindNAT calls from behind a router: the SDP has an address that nobody can reach, and both hear each other all the same (CON-02).
func TestPhoneBehindNAT(t *testing.T) {
	public, home := natNetwork(t)
	startIn(t, public)
	office := newUA(t, public, natOffice)
	caller := newUA(t, home, netip.AddrPortFrom(natHome, 5060))
	answered := make(chan struct{})
	go office.answer(answered)
	caller.call(t, natGateway)
	<-answered
	caller.talk(t, 1000)
	office.talk(t, 620)
	caller.hears(t, 620)
	office.hears(t, 1000)
	if from := caller.sources(); len(from) != 1 {
		t.Errorf("the phone hears from %v", from)
	}
}

// natNetwork makes the namespaces. It needs root, ip and iptables.
func natNetwork(t *testing.T) (public, home string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces are made by root only")
	}
	for _, tool := range []string{"ip", "iptables"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing", tool)
		}
	}
	ns := func(what string) string { return fmt.Sprintf("db-%s-%d", what, os.Getpid()) }
	public, home = ns("public"), ns("home")
	router := ns("router")
	var script []string
	for _, n := range []string{public, router, home} {
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", n).Run() })
		script = append(script, "ip netns add "+n, "ip -n "+n+" link set lo up")
	}
	link := func(a, ifA, b, ifB string) {
		script = append(script, fmt.Sprintf("ip -n %s link add %s type veth peer name %s netns %s", a, ifA, ifB, b),
			fmt.Sprintf("ip -n %s link set %s up", a, ifA), fmt.Sprintf("ip -n %s link set %s up", b, ifB))
	}
	link(public, "out", router, "wan")
	link(router, "lan", home, "eth")
	script = append(script,
		"ip -n "+public+" addr add 203.0.113.9/24 dev out",
		"ip -n "+public+" addr add 203.0.113.77/24 dev out",
		"ip -n "+router+" addr add 203.0.113.5/24 dev wan",
		"ip -n "+router+" addr add 192.168.7.1/24 dev lan",
		"ip -n "+home+" addr add 192.168.7.20/24 dev eth",
		"ip -n "+home+" route add default via 192.168.7.1",
		"ip netns exec "+router+" sysctl -qw net.ipv4.ip_forward=1",
		"ip netns exec "+router+" iptables -t nat -A POSTROUTING -o wan -j MASQUERADE --random", // no port is what it was
	)
	for _, line := range script {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Skipf("%s: %v: %s", line, err, out)
		}
	}
	return public, home
}

// startIn runs the gateway in a namespace until the test ends.
func startIn(t *testing.T, ns string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "drawbridge.yaml")
	if err := os.WriteFile(file, []byte(natConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command("ip", "netns", "exec", ns, binary(t), "serve", "--config", file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	gateway.Eventually(t, 20*time.Second, "the gateway listens", func() bool {
		taken := false
		within(t, ns, func() {
			c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(natGateway))
			if taken = err != nil; !taken {
				_ = c.Close()
			}
		})
		return taken
	})
}

// within runs fn on a thread in a namespace; sockets that it opens stay there.
func within(t *testing.T, ns string, fn func()) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		f, err := os.Open("/run/netns/" + ns)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			return
		}
		fn()
	})
	wg.Wait()
}

// ua is a phone that can just place or take one call.
type ua struct {
	at       netip.AddrPort
	sip, rtp *net.UDPConn

	mu     sync.Mutex
	remote netip.AddrPort // where its media goes
	heard  []int16
	from   map[netip.AddrPort]bool
}

func newUA(t *testing.T, ns string, at netip.AddrPort) *ua {
	t.Helper()
	u := &ua{at: at, from: map[netip.AddrPort]bool{}}
	within(t, ns, func() {
		var err error
		if u.sip, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at)); err == nil {
			u.rtp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), 30000)))
		}
		if err != nil {
			t.Error(err)
		}
	})
	if u.rtp == nil {
		t.FailNow()
	}
	var ear sync.WaitGroup
	ear.Go(u.listen)
	t.Cleanup(func() {
		_ = u.sip.Close()
		_ = u.rtp.Close()
		ear.Wait()
	})
	return u
}

func (u *ua) sdp() string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", u.at.Addr())
}

// call places a call and waits for the answer.
func (u *ua) call(t *testing.T, to netip.AddrPort) {
	t.Helper()
	request := func(method, toTag, more, body string) {
		m := fmt.Sprintf("%s sip:4711@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:100@home.test>;tag=a\r\n"+
			"To: <sip:4711@%s>%s\r\nCall-ID: nat\r\nCSeq: 1 %s\r\nContact: <sip:100@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
			method, to, u.at, method, to, toTag, method, u.at, more, len(body), body)
		if _, err := u.sip.WriteToUDPAddrPort([]byte(m), to); err != nil {
			t.Fatal(err)
		}
	}
	request("INVITE", "", "Content-Type: application/sdp\r\n", u.sdp())
	b := make([]byte, 4096)
	for {
		if err := u.sip.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := u.sip.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		m := string(b[:n])
		if strings.HasPrefix(m, "SIP/2.0 200") {
			u.take(m)
			request("ACK", ";tag="+firstOf(m, `(?m)^To:.*;tag=([^;\s]+)`), "", "")
			return
		}
		if !strings.HasPrefix(m, "SIP/2.0 1") {
			t.Fatalf("refused: %s", m)
		}
	}
}

// answer takes one call, and every repetition of its INVITE, until the socket closes.
func (u *ua) answer(done chan struct{}) {
	b := make([]byte, 4096)
	for first := true; ; {
		n, from, err := u.sip.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		m := string(b[:n])
		if strings.HasPrefix(m, "ACK") {
			continue
		}
		answer := "SIP/2.0 200 OK\r\n"
		for _, name := range []string{"Via", "From", "Call-ID", "CSeq"} {
			answer += strings.Join(regexp.MustCompile(`(?m)^`+name+`:.*\n`).FindAllString(m, -1), "")
		}
		answer += strings.TrimRight(firstOf(m, `(?m)^(To:.*)$`), "\r") + ";tag=b\r\nContact: <sip:b@" + u.at.String() + ">\r\n"
		body := ""
		if strings.HasPrefix(m, "INVITE") {
			u.take(m)
			body, answer = u.sdp(), answer+"Content-Type: application/sdp\r\n"
		}
		_, _ = u.sip.WriteToUDPAddrPort(fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", answer, len(body), body), from) // asked again if lost
		if first {
			first = false
			close(done)
		}
	}
}

// take reads where the peer wants its media.
func (u *ua) take(m string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if at, err := netip.ParseAddrPort(firstOf(m, `c=IN IP4 (\S+)`) + ":" + firstOf(m, `m=audio (\d+)`)); err == nil {
		u.remote = at
	}
}

func firstOf(text, pattern string) string {
	if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// talk says a tone until the test ends.
func (u *ua) talk(t *testing.T, frequency float64) {
	stop := make(chan struct{})
	var mouth sync.WaitGroup
	mouth.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: uint32(frequency)}, Payload: make([]byte, 160)}
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			for i := range p.Payload {
				p.Payload[i] = transcode.ALawEncode(int16(8000 * math.Sin(2*math.Pi*frequency*float64(160*n+i)/8000)))
			}
			p.SequenceNumber++
			p.Timestamp += 160
			raw, err := p.Marshal()
			if err != nil {
				return
			}
			u.mu.Lock()
			to := u.remote
			u.mu.Unlock()
			_, _ = u.rtp.WriteToUDPAddrPort(raw, to) // the other side says what it hears
		}
	})
	t.Cleanup(func() {
		close(stop)
		mouth.Wait()
	})
}

func (u *ua) listen() {
	b := make([]byte, 2048)
	for {
		n, from, err := u.rtp.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		var p rtp.Packet
		if p.Unmarshal(b[:n]) != nil {
			continue
		}
		u.mu.Lock()
		u.from[from] = true
		for _, x := range p.Payload {
			u.heard = append(u.heard, transcode.ALawDecode(x))
		}
		u.heard = u.heard[max(0, len(u.heard)-2000):]
		u.mu.Unlock()
	}
}

func (u *ua) hears(t *testing.T, frequency float64) {
	t.Helper()
	gateway.Eventually(t, 10*time.Second, fmt.Sprintf("%s hears %.0f Hz", u.at.Addr(), frequency), func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		tone, _ := phone.Share(u.heard, frequency)
		return len(u.heard) == 2000 && tone > 0.9
	})
}

func (u *ua) sources() []netip.AddrPort {
	u.mu.Lock()
	defer u.mu.Unlock()
	var all []netip.AddrPort
	for a := range u.from {
		all = append(all, a)
	}
	return all
}
