// Package profile says how a SIP peer differs from the next one: a Profile is data, one object for each trunk, laid over a named base.
// config reads it (config/profiles holds those that come with the gateway); topology applies what concerns one message, b2bua what
// concerns a call. The package is pure.
//
// Reading order: profile.go (the switches, by group), rewrite.go (numbers), cause.go (statuses and causes), trust.go (a peer that is not
// believed), check.go.
package profile
