// Command leakscan looks for what crosses the border although it should not. It puts calls and requests of every kind through the built
// gateway, between a browser and a trunk, between two trunks, and both ways round. Whatever a side makes up bears the side's own word, and
// every number, address and identifier that it says, or that the gateway uses with it, is kept; then each message that the other side has got
// is searched for all of them, byte by byte. What may cross is what people say to each other: numbers, names, texts.
//
// The scan is tried on leaks as well: one that is asked for in the configuration of a trunk, and one of each kind put into a copy of a
// message that was got. When one of those is not found, the scan has failed. The last line is messages=.. leaks=0; the exit status is 1 when
// anything leaked, or when less than 200 messages were seen in a direction.
//
// Files: main.go (the run), scenes.go (what is played), stage.go (its steps), phone.go (sockets), message.go and sdp.go (what is said),
// secrets.go (what it is stuffed with), scan.go (what is looked for).
package main
