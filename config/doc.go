// Package config turns a YAML file and the environment into a Snapshot that never changes.
//
// The steps, in order: read the node tree (load.go), lay DRAWBRIDGE_* variables over it (overlay.go), find unknown fields (known.go),
// decode into typed values (config.go, scalars.go, target.go), lay each trunk's settings over its profile (profiles.go), fill zeros
// (defaults.go), check ranges and relations (validate.go), read secrets, certificates and price lists from where they are kept
// (secret.go, tls.go, routes.go, fraud.go), and say what is allowed and still worth a word (warn.go). Every step reports all it finds, as
// file:line:col: message (report.go); nothing here touches the network. schema.go writes the JSON Schema of the types, print.go a file with
// its secrets blotted out.
//
// What is checked of the parts that config.go describes: web.go (with admin), realms.go, ports.go (that no two sockets meet), users.go,
// trunks.go, codecs.go, tls.go; words.go has what all of them use. What belongs to one part of the border has a file, types and checks
// together: classify.go, limits.go, routes.go, health.go (with rerouting and registration), fraud.go, shield.go, rules.go, pass.go.
package config
