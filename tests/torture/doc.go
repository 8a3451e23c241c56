// Command torture starts the gateway with drawbridge.yaml of this directory and runs the corpora of odd messages at it: RFC 4475 and
// RFC 5118 over every transport, and a few hundred session descriptions. The tools and the corpora are not part of the repository; they
// are found in ../shared beside it, or where DRAWBRIDGE_TOOLS and DRAWBRIDGE_CORPORA say. docs/torture.md tells what is expected.
//
// The last line is pass=N soft=N fail=N. The exit status is 1 when a message missed what it is owed, when an answer was only the tolerable
// one without being in the table of excuses, when a panic was counted or when a message showed up in the log.
//
// Files: main.go (the plan), gateway.go (the process), tool.go (one run of a tool), phone.go (who answers), excuse.go (deliberate
// silence), browser.go (descriptions offered as a browser does), log.go (what may not be in the log).
package main
