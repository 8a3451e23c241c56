// Command border tries the border of the built gateway from outside: floods and scans, limits, fraud, dead trunks, reloads. Each part
// prints a line for every thing that it checks, with the figures seen; the last line is pass=.. fail=.., and the exit status is 1 when
// anything failed. A part that the machine cannot run (no root, no tool) says so and counts as failed only with -strict.
//
// Files: main.go (the parts, in order), report.go (what they say), agent.go (a trunk with many calls), and one or more for each part.
package main
