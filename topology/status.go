package topology

// ToCaller is the status that the caller is told for a final status from the callee's side; trunk says that the caller is a trunk.
// Statuses that speak of a user cross as themselves. Those that speak of a message, of credentials or of another address concern a
// dialog that is not the caller's. A 503 would make an upstream trunk avoid the whole gateway; a browser may see it (RFC 3261 section
// 16.7, step 6).
func ToCaller(status int, trunk bool) int {
	switch status {
	case 503:
		if trunk {
			return 500
		}
	case 401, 402, 405, 406, 407, 413, 414, 415, 416, 420, 421, 422, 423, 481, 482, 483, 488, 491, 493, 494, 580, 606:
		return 500
	}
	if status/100 == 3 {
		return 480
	}
	return status
}
