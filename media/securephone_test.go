package media_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"drawbridge/media"
	"drawbridge/media/offer"
	"drawbridge/transcode"
	"drawbridge/transcode/tone"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
)

// secureKind is how a secure phone encrypts.
type secureKind struct {
	name    string
	policy  offer.SRTP // of a gateway that insists on it
	suite   string     // SDES
	profile srtp.ProtectionProfile
	dtls    dtls.SRTPProtectionProfile
	mki     string // SDES: what is written behind the key
	waits   bool   // DTLS: the phone is the server
}

var secureKinds = []secureKind{
	{name: "RTP"},
	{name: "SDES-80", policy: offer.SRTPSDES, suite: "AES_CM_128_HMAC_SHA1_80", profile: srtp.ProtectionProfileAes128CmHmacSha1_80},
	{name: "SDES-32 MKI", policy: offer.SRTPSDES, suite: "AES_CM_128_HMAC_SHA1_32", profile: srtp.ProtectionProfileAes128CmHmacSha1_32, mki: "|2^31|1:4"},
	{name: "SDES-GCM MKI", policy: offer.SRTPSDES, suite: "AEAD_AES_128_GCM", profile: srtp.ProtectionProfileAeadAes128Gcm, mki: "|7:1"},
	{name: "DTLS-GCM", policy: offer.SRTPDTLS, dtls: dtls.SRTP_AEAD_AES_128_GCM, profile: srtp.ProtectionProfileAeadAes128Gcm},
	{name: "DTLS-80 server", policy: offer.SRTPDTLS, dtls: dtls.SRTP_AES128_CM_HMAC_SHA1_80, profile: srtp.ProtectionProfileAes128CmHmacSha1_80, waits: true},
}

// securePhone is a telephone with SRTP on one loopback socket. Its SDP is written and read by hand: nothing of it is ours.
type securePhone struct {
	t      testing.TB
	kind   secureKind
	conn   *net.UDPConn
	key    []byte // its own SDES key
	cert   tls.Certificate
	far    netip.AddrPort
	shakes chan []byte // DTLS datagrams
	ready  chan struct{}

	once, said bool // the first ClientHello is not repeated

	mu      sync.Mutex
	in, out *srtp.Context
	pcm     []int16
	heard   int
	raw     [][]byte // as they came
	bad     int      // packets that did not open

	ssrc uint32
	seq  uint16
	ts   uint32
	tone tone.Source
}

func newSecurePhone(t testing.TB, kind secureKind) *securePhone {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &securePhone{
		t: t, kind: kind, conn: conn, shakes: make(chan []byte, 64), ready: make(chan struct{}),
		ssrc: 0x5ec0, seq: 65530, tone: tone.Source{Freq: 1000, Rate: 8000},
	}
	if kind.suite != "" {
		p.newKey()
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	p.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	go p.read()
	t.Cleanup(func() { _ = conn.Close() })
	return p
}

// newKey draws an SDES key; the next SDP says so.
func (p *securePhone) newKey() {
	k, _ := p.kind.profile.KeyLen()
	s, _ := p.kind.profile.SaltLen()
	p.key = make([]byte, k+s)
	_, _ = rand.Read(p.key)
}

func (p *securePhone) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (p *securePhone) fingerprint() string {
	sum := sha256.Sum256(p.cert.Certificate[0])
	return strings.ReplaceAll(strings.ToUpper(fmt.Sprintf("% x", sum)), " ", ":")
}

// sdp is the phone's offer, or its answer to one.
func (p *securePhone) sdp(answer string) []byte {
	proto, tag, setup := "RTP/AVP", 1, "actpass"
	if p.kind.waits {
		setup = "passive"
	}
	var lines []string
	switch {
	case p.kind.suite != "":
		proto = "RTP/SAVP"
		if answer != "" {
			_, _ = fmt.Sscanf(p.cryptoIn(answer), "%d", &tag)
		}
		lines = append(lines, fmt.Sprintf("a=crypto:%d %s inline:%s%s", tag, p.kind.suite, base64.StdEncoding.EncodeToString(p.key), p.kind.mki))
	case p.kind.policy == offer.SRTPDTLS:
		proto = "UDP/TLS/RTP/SAVP"
		if answer != "" && !p.kind.waits {
			setup = "active"
		}
		lines = append(lines, "a=setup:"+setup, "a=fingerprint:sha-256 "+p.fingerprint(), "a=rtcp-mux")
	}
	text := fmt.Sprintf("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio %d %s 8\n%s\n", p.addr().Port(), proto, strings.Join(lines, "\n"))
	return []byte(strings.ReplaceAll(text, "\n", "\r\n"))
}

// cryptoIn is the value of the crypto attribute of the phone's suite.
func (p *securePhone) cryptoIn(sdp string) string {
	for line := range strings.Lines(sdp) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "a=crypto:"); ok && strings.Contains(v, p.kind.suite) {
			return v
		}
	}
	p.t.Errorf("no crypto line of %s in\n%s", p.kind.suite, sdp)
	return ""
}

// take reads the gateway's SDP and gets keys ready.
func (p *securePhone) take(sdp string) {
	p.t.Helper()
	var port uint16
	_, _ = fmt.Sscanf(sdp[strings.Index(sdp, "m=audio"):], "m=audio %d", &port)
	p.far = netip.AddrPortFrom(loopback, port)
	switch {
	case p.kind.suite != "":
		_, inline, _ := strings.Cut(p.cryptoIn(sdp), "inline:")
		b64, mki, _ := strings.Cut(inline, "|")
		theirs, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			p.t.Fatal(err)
		}
		p.use(theirs, mki)
	case p.kind.policy == offer.SRTPDTLS:
		go p.shake()
	default:
		p.open()
	}
}

// use makes contexts of two SDES keys; mki is what the gateway says of its own.
func (p *securePhone) use(theirs []byte, mki string) {
	p.t.Helper()
	k, _ := p.kind.profile.KeyLen()
	var in, out []srtp.ContextOption
	if mki != "" {
		in = append(in, srtp.MasterKeyIndicator(mkiOf(mki)))
	}
	if p.kind.mki != "" {
		out = append(out, srtp.MasterKeyIndicator(mkiOf(p.kind.mki)))
	}
	p.contexts(theirs[:k], theirs[k:], p.key[:k], p.key[k:], in, out)
}

// mkiOf makes the bytes of "2^31|1:4" or "1:4".
func mkiOf(s string) []byte {
	var v, n int
	_, _ = fmt.Sscanf(s[strings.LastIndex(s, "|")+1:], "%d:%d", &v, &n)
	b := binary.BigEndian.AppendUint64(nil, uint64(v))
	return b[8-n:]
}

func (p *securePhone) contexts(inKey, inSalt, outKey, outSalt []byte, inMore, outMore []srtp.ContextOption) {
	p.t.Helper()
	in, err1 := srtp.CreateContext(inKey, inSalt, p.kind.profile, inMore...)
	out, err2 := srtp.CreateContext(outKey, outSalt, p.kind.profile, outMore...)
	if err1 != nil || err2 != nil {
		p.t.Errorf("contexts: %v, %v", err1, err2)
		return
	}
	p.mu.Lock()
	p.in, p.out = in, out
	p.mu.Unlock()
	p.open()
}

func (p *securePhone) open() {
	select {
	case <-p.ready:
	default:
		close(p.ready)
	}
}

// shake makes the DTLS handshake in the phone's role.
func (p *securePhone) shake() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	common := []dtls.Option{dtls.WithCertificates(p.cert), dtls.WithSRTPProtectionProfiles(p.kind.dtls), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret)}
	var conn *dtls.Conn
	var err error
	if p.kind.waits {
		opts := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
		for _, o := range common {
			opts = append(opts, o)
		}
		conn, err = dtls.ServerWithOptions(phonePipe{p}, net.UDPAddrFromAddrPort(p.far), opts...)
	} else {
		opts := []dtls.ClientOption{dtls.WithInsecureSkipVerify(true)}
		for _, o := range common {
			opts = append(opts, o)
		}
		conn, err = dtls.ClientWithOptions(phonePipe{p}, net.UDPAddrFromAddrPort(p.far), opts...)
	}
	if err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err != nil {
		return // the test waits for ready, or for the opposite
	}
	state, _ := conn.ConnectionState()
	k, _ := p.kind.profile.KeyLen()
	s, _ := p.kind.profile.SaltLen()
	raw, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(k+s))
	if err != nil {
		p.t.Error(err)
		return
	}
	ck, sk, cs, ss := raw[:k], raw[k:2*k], raw[2*k:2*k+s], raw[2*k+s:]
	if p.kind.waits {
		p.contexts(ck, cs, sk, ss, nil, nil)
	} else {
		p.contexts(sk, ss, ck, cs, nil, nil)
	}
}

// phonePipe is the phone's socket as DTLS sees it.
type phonePipe struct{ *securePhone }

func (p phonePipe) ReadFrom(b []byte) (int, net.Addr, error) {
	in, ok := <-p.shakes
	if !ok {
		return 0, nil, net.ErrClosed
	}
	return copy(b, in), net.UDPAddrFromAddrPort(p.far), nil
}
func (p phonePipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	const messageSeq = 17 // of a handshake header: 0 is the first ClientHello
	if p.once && b[0] == 22 && b[13] == 1 && b[messageSeq+1] == 0 {
		if p.said {
			return len(b), nil
		}
		p.said = true
	}
	return p.conn.WriteToUDPAddrPort(b, p.far)
}
func (p phonePipe) Close() error                     { return nil }
func (p phonePipe) LocalAddr() net.Addr              { return p.conn.LocalAddr() }
func (p phonePipe) SetDeadline(time.Time) error      { return nil }
func (p phonePipe) SetReadDeadline(time.Time) error  { return nil }
func (p phonePipe) SetWriteDeadline(time.Time) error { return nil }

// read takes what comes in, until the socket closes.
func (p *securePhone) read() {
	defer close(p.shakes)
	b := make([]byte, 2048)
	for {
		n, err := p.conn.Read(b)
		if err != nil {
			return
		}
		in := append([]byte(nil), b[:n]...)
		if n > 0 && in[0] >= 20 && in[0] <= 63 {
			select {
			case p.shakes <- in:
			default:
			}
			continue
		}
		p.play(in)
	}
}

func (p *securePhone) play(in []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(in) < 12 || in[1] >= 192 && in[1] <= 223 {
		return
	}
	p.raw = append(p.raw, append([]byte(nil), in...))
	if p.kind.policy != offer.SRTPNone {
		if p.in == nil {
			p.bad++
			return
		}
		out, err := p.in.DecryptRTP(nil, in, nil)
		if err != nil {
			p.bad++
			return
		}
		in = out
	}
	p.heard++
	for _, a := range in[12:] {
		p.pcm = append(p.pcm, transcode.ALawDecode(a))
	}
}

// speak sends the next 20 ms of tone.
func (p *securePhone) speak() {
	p.t.Helper()
	pcm := make([]int16, 160)
	p.tone.Fill(pcm)
	b := make([]byte, 12, 256)
	b[0], b[1] = 0x80, 8
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.ts)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	for _, s := range pcm {
		b = append(b, transcode.ALawEncode(s))
	}
	p.seq++
	p.ts += 160
	p.mu.Lock()
	if p.out != nil {
		var err error
		if b, err = p.out.EncryptRTP(nil, b, nil); err != nil {
			p.t.Error(err)
		}
	}
	p.mu.Unlock()
	if _, err := p.conn.WriteToUDPAddrPort(b, p.far); err != nil {
		p.t.Error(err)
	}
}

// listened tells how many packets were understood so far, how many were not, and whether the newest second of them is the tone.
func (p *securePhone) listened() (heard, bad int, clean bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := tone.NewDetector(8000)
	d.Write(p.pcm)
	return p.heard, p.bad, d.Heard(1000, 20)
}

// sources are the SSRCs that have been heard.
func (p *securePhone) sources() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[string]bool{}
	for _, b := range p.raw {
		seen[string(b[8:12])] = true
	}
	return len(seen)
}

// dialFrom opens a socket on another host of loopback.
func dialFrom(t testing.TB, from string, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from)), net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// secureCall is a session with two machines, as b2bua would have it.
type secureCall struct {
	*call
	phones [2]*securePhone
	sdp    [2]*offer.Machine
}

// newSecureCall joins two phones: the first has called, the second is called.
func newSecureCall(t testing.TB, gw *gateway, a, b *securePhone) *secureCall {
	t.Helper()
	c := &secureCall{call: gw.open(t), phones: [2]*securePhone{a, b}}
	for i, p := range c.phones {
		local, err := c.Add(media.LegID(i), media.Side{Realm: "core", Profile: offer.RTP, SRTP: p.kind.policy})
		if err != nil {
			t.Fatal(err)
		}
		c.sdp[i] = offer.New(offer.Config{SRTP: p.kind.policy, Codecs: []offer.Codec{pcma}, SessionID: 1, AllowLoopback: true})
		c.sdp[i].SetLocal(local)
	}
	c.offers(media.A)
	c.answers(media.B)
	return c
}

// offers lets a phone offer, again if you like.
func (c *secureCall) offers(leg media.LegID) {
	c.t.Helper()
	answer, st, err := c.sdp[leg].Offered(c.phones[leg].sdp(""), offer.SendRecv)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Bind(leg, *st)
	c.phones[leg].take(string(answer))
}

// answers lets a phone answer our offer.
func (c *secureCall) answers(leg media.LegID) {
	c.t.Helper()
	text, err := c.sdp[leg].Offer(offer.SendRecv)
	if err != nil {
		c.t.Fatal(err)
	}
	p := c.phones[leg]
	p.take(string(text))
	st, err := c.sdp[leg].Answered(p.sdp(string(text)))
	if err != nil {
		c.t.Fatal(err)
	}
	c.Bind(leg, *st)
}

// up waits for the keys of both sides.
func (c *secureCall) up() {
	c.t.Helper()
	for _, p := range c.phones {
		select {
		case <-p.ready:
		case <-time.After(limit):
			c.t.Fatalf("%s: no keys", p.kind.name)
		}
	}
	want := 0
	for _, p := range c.phones {
		if p.kind.policy == offer.SRTPDTLS {
			want++
		}
	}
	for range want {
		c.wait(media.EventDTLS)
	}
}

// reoffer lets a phone offer once more, with another direction; what it does with its keys is nothing.
func (c *secureCall) reoffer(leg media.LegID, direction string) {
	c.t.Helper()
	sdp := string(c.phones[leg].sdp("")) + direction + "\r\n"
	_, st, err := c.sdp[leg].Offered([]byte(sdp), offer.SendRecv)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Bind(leg, *st)
}

// audible waits until both phones have understood n packets with the tone in them.
func (c *secureCall) audible(n int) {
	c.t.Helper()
	for i, p := range c.phones {
		ok := func() bool {
			heard, _, clean := p.listened()
			return heard >= n && clean
		}
		deadline := time.After(limit)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for !ok() {
			select {
			case <-tick.C:
			case <-deadline:
				heard, bad, clean := p.listened()
				c.t.Fatalf("phone %d (%s): %d of %d packets, %d not understood, tone %v", i, p.kind.name, heard, n, bad, clean)
			}
		}
	}
}
