package topology

// AboutCallee reports whether a Q.850 cause says something about who was called rather than about the network on the way.
func AboutCallee(cause int) bool {
	switch StatusOf(cause) {
	case 404, 408, 410, 480, 484, 486:
		return cause != CauseNormal
	}
	return false
}

// ToCaller is the status that the caller is told for a final status and Q.850 cause from the callee's side; trunk says that the caller is
// a trunk. A server error whose cause speaks of the callee is what gateways make of a busy line or a wrong number: the cause is believed.
// Statuses that speak of a user cross as themselves. Those that speak of a message, of credentials or of another address concern a
// dialog that is not the caller's. A 503 would make an upstream trunk avoid the whole gateway; a browser may see it (RFC 3261 section
// 16.7, step 6).
func ToCaller(status, cause int, trunk bool) int {
	switch status {
	case 500, 502, 503:
		if AboutCallee(cause) {
			return StatusOf(cause)
		}
	}
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
