// Package gateway runs the built program for the black-box tests: it writes a configuration, starts `drawbridge serve`, reads its call
// records and metrics, and stops it with SIGTERM. Nothing here looks inside the product.
//
// Addresses: browsers live on 127.0.0.1, the trunk side on 127.0.1.1 and the phones on 127.0.2.1, so that a leaked address can be told
// from an own one.
//
// Files: build.go, config.go, ports.go, identity.go, authority.go, gateway.go, cdr.go, metrics.go, wait.go, cpu.go.
package gateway
