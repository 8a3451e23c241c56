// Command border tries the border of the built gateway from outside: floods and scans, limits, fraud, dead trunks, reloads. Each part
// prints a line for every thing that it checks, with the figures seen; the last line is pass=.. fail=.., and the exit status is 1 when
// anything failed. A part that the machine cannot run (no root, no tool) says so and counts as failed only with -strict.
//
// Files: main.go (the parts, in order), report.go (what they say), agent.go (a trunk with many calls), peer.go (a carrier's gateway that can fall
// silent), netns.go (the network of the floods); a part each in flood.go and scan.go (with disguise.go; both at the gateway of shield.go, while legal.go calls),
// limits.go, fraud.go, trunks.go, reload.go.
package main
