// Package config turns a YAML file and the environment into a Snapshot that never changes.
//
// The steps, in order: read the node tree (load.go), lay DRAWBRIDGE_* variables over it (overlay.go), find unknown fields (known.go),
// decode into typed values (config.go, scalars.go, target.go), fill zeros (defaults.go), check ranges and relations (validate.go, tls.go),
// read secrets and certificates from where they are kept (secret.go, tls.go). Every step reports all it finds, as file:line:col: message
// (report.go); nothing here touches the network. schema.go writes the JSON Schema of the types, print.go a file with its secrets
// blotted out.
package config
