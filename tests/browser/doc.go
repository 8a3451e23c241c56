// Package browser drives a real Chromium: a page with JsSIP, SIP.js and the product's own drawbridge.js behind one shape (src/phone.js),
// a microphone that plays a 1000 Hz tone, an ear on what the browser plays, and a stopwatch for echoes.
//
// Files: bundle.go (the page, built from package-lock.json), chromium.go (the process), wav.go (the microphone), page.go (a tab and its
// phones).
package browser
