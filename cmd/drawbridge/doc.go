// Command drawbridge is the gateway: see README.md for its sub-commands. Nothing here decides anything about a call.
//
// The sub-commands are listed in main.go and stand in commands.go (serve, check, schema, version), demo.go, call.go, route.go, rules.go,
// acl.go and reloadcommand.go; private.go asks a running gateway for them.
//
// The gateway, in the order in which to read it:
//
//	gateway.go    its parts, built from the bottom up and run together
//	current.go    the configuration in force                   reload.go      another one; fixed.go: what it may not change
//	settings.go   the configuration as the small Config of each part: limits.go, fraud.go, shield.go, names.go (DNS) for what has one of its own
//	public.go     the addresses that STUN servers see          selfsigned.go  a certificate when none is configured
//	explain.go    where a call would go                        quality.go     how the calls of trunks have been
//	lateness.go   how late media is                            measure.go     how many transcoded calls the machine carries
//	memory.go     the collector's pace; release.go             memory that a burst has left goes back
//	procs.go      how many Ps the program takes
//	gauges.go     what is read at each scrape                  log.go         lines that are written together
package main
