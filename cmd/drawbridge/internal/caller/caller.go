package caller

import (
	"context"
	"errors"
	"time"
)

// call is one run.
type call struct {
	cfg   Config
	start time.Time
	agent *agent // SIP
	media *media // WebRTC

	inviting    *inviting
	mediaFailed chan struct{} // closed when ICE or DTLS has given up
	answer      chan invited  // the final response to our INVITE, and its dialog
	dialog      *confirmed    // after the 2xx
	ended       bool          // our BYE has been answered, or the far side's BYE came
}

// stage is one thing that must happen. It returns the moment it did, or the zero time for now.
type stage struct {
	name string
	pass func(*call, context.Context) (time.Time, error)
}

// stages are a call, in wire order.
var stages = []stage{
	{"wss", (*call).connect},        // WebSocket open
	{"register", (*call).register},  // 200 to REGISTER, after its challenge
	{"invite", (*call).invite},      // first provisional response to INVITE
	{"200", (*call).answered},       // 200 to INVITE; ACK sent
	{"ice", (*call).iceConnected},   // a candidate pair works
	{"dtls", (*call).dtlsConnected}, // keys agreed, the fingerprint matches
	{"first_rtp", (*call).heardRTP}, // first authenticated packet
	{"tone", (*call).heardTones},    // every expected tone was found in the audio
	{"bye", (*call).hangUp},         // 200 to BYE
	{"cdr", (*call).recorded},       // the call record is there
}

// Call runs one call and reports. The error is nil exactly when the verdict is pass; a failed stage is a *StageError.
func Call(ctx context.Context, cfg Config) (Report, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return Report{Verdict: Fail, Error: err.Error()}, err
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	c := &call{cfg: cfg, start: time.Now(), answer: make(chan invited, 1), mediaFailed: make(chan struct{})}
	defer c.close(ctx)
	return c.run(ctx)
}

func (c *call) run(ctx context.Context) (Report, error) {
	r := Report{Verdict: Pass}
	for _, s := range stages {
		if c.leftOut(s.name) {
			continue
		}
		at, err := s.pass(c, ctx)
		if err != nil {
			err = &StageError{Stage: s.name, Err: inWords(ctx, err)}
			r.Verdict, r.Stage, r.Error = Fail, s.name, err.Error()
			return r, err
		}
		if at.IsZero() {
			at = time.Now()
		}
		r.Stages = append(r.Stages, Passed{Name: s.name, At: at.Sub(c.start)})
	}
	return r, nil
}

// leftOut tells the stages that this run does not have.
func (c *call) leftOut(stage string) bool {
	return stage == "cdr" && c.cfg.CDR == nil || stage == "tone" && len(c.cfg.ExpectHz) == 0
}

// inWords says "no answer in time" instead of a context's error.
func inWords(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return errors.New("nothing in time")
	}
	return err
}

// close ends whatever is still open, whichever stage was the last: the call, the media, the connection. ctx may have ended.
func (c *call) close(ctx context.Context) {
	if c.agent == nil {
		return
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	c.giveUp(last)
	if c.media != nil {
		c.media.close()
	}
	c.agent.close()
}

func (c *call) recorded(ctx context.Context) (time.Time, error) {
	return time.Time{}, c.cfg.CDR(ctx, c.dialog.callID())
}
