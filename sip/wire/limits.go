package wire

// Limits, checked before a value is parsed. They are chosen: the RFC sets none.
const (
	MaxMessage  = 64 << 10 // bytes; a UDP datagram cannot be longer
	maxLine     = 8 << 10  // bytes of a header line after unfolding
	maxLines    = 256      // header lines after lists are split
	maxVias     = 64
	maxRoutes   = 64 // Route and Record-Route, each
	maxURI      = 2 << 10
	maxHost     = 255
	maxName     = 256 // bytes of a header name; RFC 4475 sends 92
	maxParams   = 64  // of one value or URI
	maxTags     = 16  // option tags named in a 420
	maxParts    = 16  // MIME parts of one body
	maxNesting  = 3   // multipart inside multipart
	maxMedia    = 32  // m= lines of one SDP
	maxBoundary = 70  // RFC 2046 section 5.1.1
	maxExpires  = 1<<32 - 1
	maxForwards = 255
)
