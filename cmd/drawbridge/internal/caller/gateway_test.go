package caller

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/icholy/digest"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"drawbridge/sip/transport"
	"drawbridge/sip/txn"
	"drawbridge/sip/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway is the smallest far side: a registrar that wants a password, and a phone that answers, plays 620 Hz and echoes.
type gateway struct {
	t      *testing.T
	core   *txn.Core
	server *httptest.Server

	status int  // final answer to INVITE; 0 means 200
	silent bool // answers, but sends no RTP
	drop   bool // closes the connection instead of answering

	hang  context.CancelFunc // closes the connections
	pc    *webrtc.PeerConnection
	work  sync.WaitGroup
	byes  chan string // Call-IDs
	acks  chan string
	flows sync.WaitGroup
}

func newGateway(t *testing.T, edit func(*gateway)) *gateway {
	t.Helper()
	g := &gateway{t: t, byes: make(chan string, 10), acks: make(chan string, 10)}
	if edit != nil {
		edit(g)
	}
	var err error
	if g.core, err = txn.New(txn.Config{Shards: 1, User: g}); err != nil {
		t.Fatal(err)
	}
	tr, err := transport.New(transport.Config{Receiver: g.core})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.core.Run(ctx)
	}()
	flows, hang := context.WithCancel(ctx)
	g.hang = hang
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{Subprotocols: []string{"sip"}}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		g.flows.Add(1)
		defer g.flows.Done()
		tr.ServeWS(flows, conn, "access", true, addrOf(conn))
	}))
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust us is a test here
	g.server.StartTLS()
	t.Cleanup(func() {
		hang()
		cancel()
		g.flows.Wait()
		<-done
		if g.pc != nil {
			_ = g.pc.GracefulClose()
		}
		g.work.Wait()
		g.server.Close()
	})
	return g
}

// config calls this gateway.
func (g *gateway) config() Config {
	roots := x509.NewCertPool()
	roots.AddCert(g.server.Certificate())
	return Config{
		URL: strings.Replace(g.server.URL, "https:", "wss:", 1) + "/", TLS: &tls.Config{RootCAs: roots},
		User: "alice", Password: "secret", Domain: "example.com", To: "100",
	}
}

func (g *gateway) Cancel(_ *txn.Shard, invite *txn.Server, m *wire.Message) {
	_ = invite.Respond(wire.NewResponse(m, 487, "", invite.Tag()))
}
func (g *gateway) Unacked(*txn.Shard, *txn.Server)  {}
func (g *gateway) FlowLost(*txn.Shard, txn.FlowKey) {}

func (g *gateway) Request(sh *txn.Shard, tx *txn.Server, f txn.Flow, m *wire.Message) {
	answer := func(status int) *wire.Message { return wire.NewResponse(m, status, "", tx.Tag()) }
	switch m.Method {
	case wire.ACK:
		g.acks <- m.CallID
	case wire.BYE:
		g.byes <- m.CallID
		_ = tx.Respond(answer(200))
	case wire.REGISTER, wire.INVITE:
		if !g.known(m) {
			r := answer(401)
			r.Add("WWW-Authenticate", `Digest realm="example.com", nonce="abc", qop="auth", algorithm=MD5`)
			_ = tx.Respond(r)
			return
		}
		if m.Method == wire.REGISTER {
			r := answer(200)
			r.Contact = m.Contact
			_ = tx.Respond(r)
			return
		}
		g.invited(sh, tx, m)
	default: // the caller sends nothing else
	}
}

// known checks the digest of the one account.
func (g *gateway) known(m *wire.Message) bool {
	cred, err := digest.ParseCredentials(m.Get("Authorization"))
	if err != nil {
		return false
	}
	want, err := digest.Digest(&digest.Challenge{Realm: "example.com", Nonce: "abc", QOP: []string{"auth"}, Algorithm: "MD5"}, digest.Options{
		Method: string(m.Method), URI: cred.URI, Username: "alice", Password: "secret", Count: cred.Nc, Cnonce: cred.Cnonce,
	})
	return err == nil && want.Response == cred.Response
}

func (g *gateway) invited(sh *txn.Shard, tx *txn.Server, m *wire.Message) {
	if g.drop {
		g.hang()
		return
	}
	_ = tx.Respond(wire.NewResponse(m, 180, "", tx.Tag()))
	if g.status != 0 {
		_ = tx.Respond(wire.NewResponse(m, g.status, "", tx.Tag()))
		return
	}
	offer := string(m.Body)
	g.work.Go(func() {
		sdp, err := g.answer(offer)
		if err != nil {
			g.t.Error(err)
			return
		}
		g.core.PostForced(sh.Index(), func(*txn.Shard) {
			r := wire.NewResponse(m, 200, "", tx.Tag())
			r.Contact = []wire.Addr{{URI: wire.URI{Scheme: "sip", User: "gw", Host: "gateway.invalid"}}}
			r.ContentType, r.Body = "application/sdp", []byte(sdp)
			_ = tx.Respond(r)
			_ = tx.Resend() // as after a lost ACK: it must be acknowledged again
		})
	})
}

// answer makes the far side's media.
func (g *gateway) answer(offer string) (string, error) {
	pc, err := newPeer(true)
	if err != nil {
		return "", err
	}
	g.pc = pc
	track, err := webrtc.NewTrackLocalStaticRTP(opusCodec, "a", "b")
	if err != nil {
		return "", err
	}
	if _, err := pc.AddTrack(track); err != nil {
		return "", err
	}
	if !g.silent {
		pc.OnTrack(func(in *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { g.work.Go(func() { echo(in, track) }) })
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	sdp, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(sdp); err != nil {
		return "", err
	}
	<-gathered
	return withoutSSRC(pc.LocalDescription().SDP), nil
}

// withoutSSRC makes the answer what the real gateway's is.
func withoutSSRC(sdp string) string {
	var out []string
	for line := range strings.SplitSeq(sdp, "\r\n") {
		if !strings.HasPrefix(line, "a=ssrc") && !strings.HasPrefix(line, "a=msid") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\r\n")
}

// echo plays 620 Hz for the first 25 packets and then what comes in.
func echo(in *webrtc.TrackRemote, out *webrtc.TrackLocalStaticRTP) {
	greeting, err := newSound(greetingHz)
	if err != nil {
		return
	}
	for n := 0; ; n++ {
		p, _, err := in.ReadRTP()
		if err != nil {
			return
		}
		payload := p.Payload
		if n < 25 {
			if payload, err = greeting.next(); err != nil {
				return
			}
		}
		q := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: p.SequenceNumber, Timestamp: p.Timestamp}, Payload: payload}
		if err := out.WriteRTP(q); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return
		}
	}
}

func addrOf(conn *websocket.Conn) netip.AddrPort { return conn.LocalAddr().(*net.TCPAddr).AddrPort() }

// soon receives from ch or fails.
func soon(t *testing.T, what string, ch <-chan string) string {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second): // only a broken one needs that long
		t.Fatal(what + ": nothing within 20 s")
		return ""
	}
}
