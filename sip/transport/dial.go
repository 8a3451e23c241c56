package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"

	"drawbridge/sip/txn"
)

// subprotocol is the WebSocket subprotocol of RFC 7118 section 4.1.
const subprotocol = "sip"

// DialWS opens a WebSocket to a SIP server, ws:// or wss:// by url; config may be nil. ctx bounds the handshake. Close ends the flow
// and waits for its goroutines; the receiver has heard FlowLost by then. Errors: ErrSubprotocol, and those of the handshake.
func DialWS(ctx context.Context, url string, config *tls.Config, recv txn.Receiver, realm string) (txn.Flow, io.Closer, error) {
	d := websocket.Dialer{Subprotocols: []string{subprotocol}, TLSClientConfig: config, HandshakeTimeout: writeWait}
	conn, resp, err := d.DialContext(ctx, url, http.Header{"Origin": {origin(url)}}) //nolint:bodyclose // it is a copy of the first bytes; DialContext says not to close it
	if err != nil {
		if resp != nil {
			return nil, nil, fmt.Errorf("transport: dial %s: %w (%s)", url, err, resp.Status)
		}
		return nil, nil, fmt.Errorf("transport: dial %s: %w", url, err)
	}
	if conn.Subprotocol() != subprotocol {
		_ = conn.Close()
		return nil, nil, ErrSubprotocol
	}
	f := newWS(conn, recv, realm, maxMessage)
	f.secure, f.sentBy = strings.HasPrefix(url, "wss:"), f.key.Local
	return f, startDialled(ctx, f), nil
}

// origin is what a page of the server itself would send (RFC 6454): servers at the border insist on one.
func origin(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return strings.Replace(scheme, "ws", "http", 1) + "://" + host
}

// dialled runs a client's flow.
type dialled struct {
	cancel context.CancelCauseFunc
	done   chan struct{}
}

func startDialled(ctx context.Context, f *wsFlow) *dialled {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx)) // ends with Close, not with the handshake
	d := &dialled{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		defer cancel(nil)
		f.run(ctx)
	}()
	return d
}

// Close ends the flow.
func (d *dialled) Close() error {
	d.cancel(ErrClosed)
	<-d.done
	return nil
}
