package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"drawbridge/telemetry"
)

type reloadCommand struct{ privatePort }

// Run asks for a reload and prints which configuration is in force, or why the new one is not.
func (c reloadCommand) Run(ctx context.Context) error {
	body, err := askAdmin(ctx, http.MethodPost, c.Admin, "/v1/reload", nil)
	if err != nil {
		return err
	}
	var v telemetry.Version
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	fmt.Printf("configuration %d (%s) is in force\n", v.Number, v.Digest)
	return nil
}
