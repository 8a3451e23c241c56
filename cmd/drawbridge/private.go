package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// privatePort is the option of commands that ask a running gateway.
type privatePort struct {
	Admin string `default:"127.0.0.1:9080" placeholder:"HOST:PORT" help:"The gateway's private port (${default})."`
}

// Chosen here.
const (
	adminPatience = 10 * time.Second
	adminAnswer   = 8 << 20 // bytes that are read of an answer
)

// errAdmin is an answer of the private port that says no.
var errAdmin = errors.New("the gateway refuses")

// askAdmin asks the private port of a running gateway, HOST:PORT with http:// before it or not. Errors: errAdmin, and those of the connection.
func askAdmin(ctx context.Context, method, host, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	host = strings.TrimSuffix(strings.TrimPrefix(host, "http://"), "/")
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(io.LimitReader(resp.Body, adminAnswer))
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%w: %s", errAdmin, strings.TrimSpace(string(out)))
	}
	return out, err
}
