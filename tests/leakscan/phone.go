package main

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/gorilla/websocket"
)

// phone is one side of the border: a browser behind a WebSocket, or a trunk's host.
type phone struct {
	name     string
	word     string // in everything that it makes up
	host     string // its address, as it says it
	user     string // who it is: this may cross
	password string
	print    string // two bytes of its fingerprint
	rtp      int
	browser  bool

	gateway string // host and port that its requests are for
	at      string // its socket
	via     string // behind "Via: "
	contact string
	write   func(string) error
	in      chan *message
	ground  *ground
	serial  int
	spells  spelling

	mu    sync.Mutex
	peer  *phone          // of the scene
	seen  map[string]bool // as they came: the same again is a retransmission
	heard []*message
}

func newPhone(name, word, host, user string, rtp int) *phone {
	p := &phone{
		name: name, word: word, host: host, user: user, rtp: rtp, print: fmt.Sprintf("%02X:%02X", word[0], word[1]),
		in: make(chan *message, 1024), ground: newGround(), seen: map[string]bool{},
	}
	p.ground.word(word)
	p.ground.secret("address", host)
	p.ground.number("RTP port", itoa(rtp))
	return p
}

// number is one that nobody else says.
func (p *phone) number() int {
	p.serial++
	n := 1_000_000_000 + p.rtp*10_000 + p.serial
	p.ground.number("number", itoa(n))
	return n
}

// token is an identifier that nobody else makes up.
func (p *phone) token() string { return p.word + itoa(p.number()) }

// datagrams connects the phone to the gateway over UDP.
func (p *phone) datagrams(from, to netip.AddrPort) error {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(from))
	if err != nil {
		return err
	}
	at := conn.LocalAddr().String()
	_, port, _ := net.SplitHostPort(at)
	p.ground.number("port", port)
	p.gateway, p.at, p.via, p.contact = to.String(), at, "SIP/2.0/UDP "+at, "<sip:"+p.word+"@"+at+">"
	p.write = func(text string) error {
		_, err := conn.WriteToUDPAddrPort([]byte(text), to)
		return err
	}
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			p.hear(string(buf[:n]))
		}
	}()
	return nil
}

// webSocket is the same for a browser (RFC 7118).
func (p *phone) webSocket(conn *websocket.Conn, domain string) {
	p.browser, p.gateway = true, domain
	p.via, p.contact = "SIP/2.0/WSS "+p.word+".invalid", "<sip:"+p.word+"@"+p.word+".invalid;transport=ws>"
	p.write = func(text string) error { return conn.WriteMessage(websocket.TextMessage, []byte(text)) }
	go func() {
		for {
			_, b, err := conn.ReadMessage()
			if err != nil {
				return
			}
			p.hear(string(b))
		}
	}()
}

// hear takes what has come in.
func (p *phone) hear(raw string) {
	if len(raw) < 8 {
		return // keep-alive
	}
	m := read(raw)
	p.mu.Lock()
	m.from = p.peer
	again := p.seen[raw]
	p.seen[raw] = true
	if !again {
		p.heard = append(p.heard, m)
	}
	p.mu.Unlock()
	if !again {
		select {
		case p.in <- m:
		default: // nobody listens any more
		}
	}
}

// faces begins a scene with another phone.
func (p *phone) faces(other *phone) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peer = other
}

// scenario is what the phone has heard, without the 100s, which say nothing.
func (p *phone) scenario() (all []*message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.heard {
		if m.what() != "100" {
			all = append(all, m)
		}
	}
	return all
}

// register makes the phone reachable.
func (p *phone) register() error {
	s := &stage{}
	d := s.dialog(p, p.user)
	d.target = "sip:" + p.gateway
	d.asks("REGISTER", "", header{"Expires", "600"})
	d.gets("200")
	return s.err
}

var errChallenge = errors.New("a challenge that cannot be answered")

// credentials answers a challenge (RFC 2617).
func (p *phone) credentials(challenge, method, uri string) (string, error) {
	realm, nonce := param(";"+spaceless(challenge), "realm"), param(";"+spaceless(challenge), "nonce")
	if p.password == "" || nonce == "" {
		return "", fmt.Errorf("%w: %s", errChallenge, challenge)
	}
	hash := func(s string) string {
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	ha1, ha2 := hash(p.user+":"+realm+":"+p.password), hash(method+":"+uri)
	response := hash(ha1 + ":" + nonce + ":00000001:" + p.word + ":auth:" + ha2)
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=MD5, cnonce="%s", qop=auth, nc=00000001`,
		p.user, realm, nonce, uri, response, p.word), nil
}
