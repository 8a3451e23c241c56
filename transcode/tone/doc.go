// Package tone makes and finds sine tones in PCM: the echo trunk plays one, the built-in caller and the tests listen for it. Packet
// counters cannot prove a call, a tone in the received audio can.
package tone
