package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"drawbridge/telemetry"
)

// Keys name PEM files. They are read again when they change; connections that are up stay as they are.
type Keys struct {
	Cert, Key string // certificate with its chain, private key; both or none
	CA        string // whom the other side's certificate must come from; "" is the system's list, for peers that are configured
}

// keys are the files of Keys, as they were when they last could be read.
type keys struct {
	files Keys
	cert  atomic.Pointer[tls.Certificate]
	roots atomic.Pointer[x509.CertPool]
	seen  [3]stamp // of what has been tried last, whether it could be read or not
}

// stamp tells that a file has changed.
type stamp struct {
	size int64
	at   time.Time
}

// openKeys reads the files. The error names the file, never its content.
func openKeys(files Keys) (*keys, error) {
	k := &keys{files: files}
	k.seen = k.stamps()
	return k, k.read()
}

func (k *keys) read() error {
	cert, roots, err := k.files.load()
	if err != nil {
		return err
	}
	k.cert.Store(cert)
	k.roots.Store(roots)
	return nil
}

// load reads everything before anything is used: a certificate without its key is of no use.
func (f Keys) load() (cert *tls.Certificate, roots *x509.CertPool, err error) {
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("transport: certificate %s: %w", f.Cert, err)
		}
		cert = &pair
	}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, nil, fmt.Errorf("transport: CA %s: %w", f.CA, err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, nil, fmt.Errorf("transport: CA %s: no certificate in it", f.CA)
		}
	}
	return cert, roots, nil
}

func (k *keys) stamps() (s [3]stamp) {
	for i, name := range []string{k.files.Cert, k.files.Key, k.files.CA} {
		if info, err := os.Stat(name); name != "" && err == nil {
			s[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return s
}

// refresh reads the files again if they have changed. A pair of which only one half has been replaced yet is an error until the other
// has, too; what is in use stays.
func (k *keys) refresh() (changed bool, err error) {
	now := k.stamps()
	if now == k.seen {
		return false, nil
	}
	k.seen = now
	return true, k.read()
}

// watchKeys looks at the files from time to time. Watching them by notification fails where they are links that are swapped.
func (t *Transport) watchKeys(ctx context.Context) {
	for pause(ctx, keysEvery) {
		for _, k := range t.allKeys() {
			changed, err := k.refresh()
			switch {
			case err != nil:
				t.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "certificate", Detail: "the old one stays: " + err.Error()})
			case changed:
				t.cfg.Events.EmitLifecycle(telemetry.Lifecycle{What: "certificate", Detail: "read again: " + k.files.Cert + " " + k.files.CA})
			}
		}
	}
}
