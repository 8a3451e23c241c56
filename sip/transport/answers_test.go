package transport

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// answering is a socket that answers peers, and its batch.
func answering(t testing.TB) (*datagrams, *batch) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d, err := newDatagrams(conn)
	if err != nil {
		t.Fatal(err)
	}
	return d, newBatch(100, d.cuts)
}

func (in *batch) answerTo(i int, peer *net.UDPConn, text string) {
	h := &in.hdr[i]
	h.hdr.Namelen = uint32(putAddr(&in.in[i].name, addrPort(peer.LocalAddr())))
	in.answers.add(append(in.answers.room[i][:0], text...), h)
}

// TestAnswersArriveAsTheyWereGiven whether or not the kernel cuts them apart: every row is a batch, a letter the peer and a number the length.
func TestAnswersArriveAsTheyWereGiven(t *testing.T) {
	for name, prepare := range map[string]func(d *datagrams, in *batch){
		"cut":           func(*datagrams, *batch) {},
		"an old kernel": func(_ *datagrams, in *batch) { in.answers.apart = true },
		"a way that takes no parts": func(d *datagrams, _ *batch) {
			if err := unix.SetsockoptInt(d.fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, row := range [][]int{
			{300}, {300, 300}, {300, 300, 301, 301, 300}, {300, 301, 300, 301, 300, 301, 300}, {301, 300, 300, -300, 300, -300, 300}, {300, -300, 300}, {-300, -300, 300, 300, 300}, {0, 300, 0, 300}, {answerRoom + 1, answerRoom + 1},
			{5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000},
		} {
			d, in := answering(t)
			prepare(d, in)
			a, b := dialUDP(t), dialUDP(t)
			want := map[*net.UDPConn][]string{}
			for i, length := range row {
				peer := a
				if length < 0 {
					peer, length = b, -length
				}
				text := strings.Repeat(string(rune('a'+i)), length)
				if in.answerTo(i, peer, text); length > 0 {
					want[peer] = append(want[peer], text)
				}
			}
			if in.answers.flush(d.fd) || in.answers.n != 0 {
				t.Errorf("%s, %v: failed, %d left", name, row, in.answers.n)
			}
			for peer, texts := range want {
				var got []string
				for range texts {
					text, _ := readUDP(t, peer)
					got = append(got, text)
				}
				if slices.Sort(got); !slices.Equal(got, texts) { // the letters say the order that they were given in
					t.Errorf("%s, %v: got %.9q", name, row, got)
				}
			}
			if name == "a way that takes no parts" && len(row) == 2 && row[0] == 300 && !in.answers.apart {
				t.Error("parts are tried again and again")
			}
		}
	}
}

// Budget: nothing.
func TestAnsweringDoesNotAllocate(t *testing.T) {
	d, in := answering(t)
	peer, text := dialUDP(t), strings.Repeat("x", 300)
	if n := testing.AllocsPerRun(20, func() {
		for i := range 4 {
			in.answerTo(i, peer, text)
		}
		in.answers.flush(d.fd)
	}); n > 1 { // the address of the peer is made anew
		t.Errorf("%v", n)
	}
}

// BenchmarkAnswers is 16 answers of one length to one peer.
func BenchmarkAnswers(bm *testing.B) {
	for name, apart := range map[string]bool{"cut": false, "apart": true} {
		bm.Run(name, func(bm *testing.B) {
			d, in := answering(bm)
			in.answers.apart = apart || !d.cuts
			peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				bm.Fatal(err)
			}
			defer peer.Close()
			text, buf := string(bytes.Repeat([]byte("x"), 330)), make([]byte, 1000)
			for bm.Loop() {
				for i := range readBatch {
					in.answerTo(i, peer, text)
				}
				in.answers.flush(d.fd)
				bm.StopTimer()
				for range readBatch {
					if _, err := peer.Read(buf); err != nil {
						bm.Fatal(err)
					}
				}
				bm.StartTimer()
			}
		})
	}
}
