package telemetry

import (
	"context"
	"log/slog"
	"strconv"
	"time"
)

// Slog returns a Listener that writes to log: one info line at the end of a call with everything, refusals summed to one line a
// kind and second, registrations and media stages at debug level. A nil log means slog.Default. Lifecycle "stopped" writes what is
// still summed up.
func Slog(log *slog.Logger) Listener {
	if log == nil {
		log = slog.Default()
	}
	s := slogSink{log}
	b := newBursts(s.burst)
	l := Listener{
		CallStarted:  s.callStarted,
		CallAnswered: s.callAnswered,
		CallEnded:    s.callEnded,
		Rejected: func(e Rejected) {
			b.add(burstKey{Event: "rejected", Kind: e.Rule + " " + strconv.Itoa(e.Status), Realm: e.Realm}, 1, e)
		},
		Registered:   s.registered,
		Unregistered: s.unregistered,
		Refused: func(e Refused) {
			b.add(burstKey{Event: "refused", Kind: e.Kind, Realm: e.Realm}, e.Count, e)
		},
		MediaUp: s.mediaUp,
		Alarmed: func(e Alarmed) {
			b.add(burstKey{Event: "ids.alarm", Kind: e.Severity + " " + e.Class, Realm: e.Realm}, 1, e)
		},
		Denied: func(e Denied) { b.add(burstKey{Event: deniedEvent(e), Kind: e.Class, Realm: e.Realm}, 1, e) },
		AudioMissing: func(e AudioMissing) {
			b.add(burstKey{Event: "audio missing", Kind: e.Direction + " " + e.Why, Realm: e.Realm}, 1, e)
		},
		Fraud: s.fraud,
		Lifecycle: func(e Lifecycle) {
			if e.What == "stopped" {
				b.flush()
			}
			s.lifecycle(e)
		},
	}
	if !log.Enabled(context.Background(), slog.LevelDebug) { // a call has several of these: nothing is made of them for nobody
		l.CallStarted, l.CallAnswered, l.Registered, l.Unregistered, l.MediaUp = nil, nil, nil, nil, nil
	}
	return l
}

// slogSink turns events into lines.
type slogSink struct{ log *slog.Logger }

// write is LogAttrs without a look at who calls: these lines say what has happened, and nobody asks where in the program.
func (s slogSink) write(level slog.Level, msg string, attrs ...slog.Attr) {
	ctx, to := context.Background(), s.log.Handler()
	if !to.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, msg, 0)
	r.AddAttrs(attrs...)
	_ = to.Handle(ctx, r)
}

func (s slogSink) callStarted(e CallStarted) {
	s.write(slog.LevelDebug, "call started",
		slog.String("call", e.Call), slog.String("from", Mask(e.From)), slog.String("to", Mask(e.To)),
		slog.Group("a", slog.String("realm", e.Realm), slog.String("peer", e.Peer)))
}

func (s slogSink) callAnswered(e CallAnswered) {
	s.write(slog.LevelDebug, "call answered", slog.String("call", e.Call))
}

func (s slogSink) callEnded(e *CallEnded) {
	const most = 13
	attrs := append(make([]slog.Attr, 0, most),
		slog.String("call", e.Call),
		slog.String("from", Mask(e.From)),
		slog.String("to", Mask(e.To)),
		slog.Bool("answered", !e.Answer.IsZero()),
		slog.Int64("setup_ms", e.Setup.Milliseconds()),
		slog.Int64("duration_ms", e.Duration.Milliseconds()),
		slog.Int("sip", e.Cause.SIP),
		slog.Int("q850", e.Cause.Q850),
		slog.String("cause", e.Cause.Text),
		slog.String("by", e.Cause.By),
	)
	if e.Rule != "" {
		attrs = append(attrs, slog.String("rule", e.Rule))
	}
	s.write(slog.LevelInfo, "call ended", append(attrs, legAttr("a", &e.A), legAttr("b", &e.B))...)
}

func legAttr(name string, l *Leg) slog.Attr {
	return slog.Attr{Key: name, Value: slog.GroupValue(
		slog.String("realm", l.Realm), slog.String("peer", l.Peer), slog.String("codec", l.Codec),
		slog.Uint64("in", l.PacketsIn), slog.Uint64("out", l.PacketsOut), slog.Uint64("lost", l.Lost))}
}

func (s slogSink) registered(e Registered) {
	s.write(slog.LevelDebug, "registered",
		slog.String("aor", maskAOR(e.AOR)), slog.String("transport", e.Transport), slog.Int64("expires_s", int64(e.Expires.Seconds())))
}

func (s slogSink) unregistered(e Unregistered) {
	s.write(slog.LevelDebug, "unregistered", slog.String("aor", maskAOR(e.AOR)), slog.String("why", e.Why))
}

func (s slogSink) mediaUp(e MediaUp) {
	s.write(slog.LevelDebug, "media up", slog.String("call", e.Call), slog.String("leg", e.Leg), slog.String("stage", e.Stage))
}

// fraud writes one line for each alarm: there is one when a limit is passed, none for what follows.
func (s slogSink) fraud(e Fraud) {
	level := slog.LevelWarn
	if e.Level == "critical" {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("ev", "fraud."+e.Level), slog.String("rule", e.Rule), slog.String("account", e.Account), slog.String("prefix", e.Prefix),
		slog.String("kind", e.Kind), slog.Float64("value", e.Value), slog.Float64("limit", e.Limit), slog.String("action", e.Action),
		slog.String("call", e.Call), slog.String("to", Mask(e.Number)),
	}
	if !e.Until.IsZero() {
		attrs = append(attrs, slog.Time("until", e.Until))
	}
	s.write(level, "fraud", attrs...)
}

func (s slogSink) lifecycle(e Lifecycle) {
	level := slog.LevelInfo
	if e.What == "panic" || e.What == "records refused" {
		level = slog.LevelError
	}
	s.write(level, e.What, slog.String("detail", e.Detail))
}

// deniedEvent tells a flood or an operator's ban from what intrusion detection has found.
func deniedEvent(e Denied) string {
	if e.Class == "max-signal" || e.Count == 0 {
		return "acl.deny"
	}
	return "ids.deny"
}

// burst writes n summed refusals; last is the newest of them.
func (s slogSink) burst(k burstKey, n uint64, last any) {
	attrs := []slog.Attr{slog.String("kind", k.Kind), slog.Uint64("count", n)}
	if k.Realm != "" {
		attrs = append(attrs, slog.String("realm", k.Realm))
	}
	switch e := last.(type) {
	case Refused:
		attrs = append(attrs, nonEmpty("source", e.Source, "call", e.Call, "detail", e.Detail)...)
	case AudioMissing:
		attrs = append(attrs, nonEmpty("call", e.Call, "leg", e.Leg)...)
	case Alarmed:
		attrs = append(attrs, slog.String("sev", e.Severity), slog.Int("offences", e.Count))
		attrs = append(attrs, nonEmpty("reason", e.Reason, "source", e.Source, "detail", e.Detail)...)
	case Denied:
		attrs = append(attrs, slog.Int64("ttl", int64(e.TTL.Seconds())), slog.Int("offences", e.Count))
		attrs = append(attrs, nonEmpty("reason", e.Reason, "source", e.Source, "detail", e.Detail)...)
	case Rejected:
		attrs = append(attrs, nonEmpty("source", e.Source, "method", e.Method)...)
	}
	s.write(slog.LevelWarn, k.Event, attrs...)
}

// nonEmpty makes attributes of name, value pairs and leaves out empty values.
func nonEmpty(pairs ...string) []slog.Attr {
	var attrs []slog.Attr
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			attrs = append(attrs, slog.String(pairs[i], pairs[i+1]))
		}
	}
	return attrs
}
