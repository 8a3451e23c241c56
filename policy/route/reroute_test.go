package route

import "testing"

func TestReroute(t *testing.T) {
	telnyx := Reroute{Next: []int{480}, Final: []int{500, 502}}
	for status, want := range map[int][2]bool{ // the table, telnyx
		400: {false, false}, 401: {true, true}, 403: {false, false}, 404: {false, false}, 407: {true, true}, 408: {true, true},
		410: {false, false}, 480: {false, true}, 484: {false, false}, 486: {false, false}, 487: {false, false}, 500: {true, false},
		502: {true, false}, 503: {true, true}, 504: {true, true}, 600: {false, false}, 603: {false, false},
	} {
		if got := [2]bool{Reroute{}.After(status), telnyx.After(status)}; got != want {
			t.Errorf("%d: %v, want %v", status, got, want)
		}
	}
}
