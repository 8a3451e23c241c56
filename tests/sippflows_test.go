package tests

type values = map[string]string

// sippRules are the header rules that some trunks of the matrix name.
const sippRules = `rules:
  extension: [{do: replace, of: From.user, match: "^7[0-9]$", to: "+493055$0", methods: [INVITE]}]
  told: [{do: add, of: X-Told, to: gold, messages: response, methods: [INVITE]}, {do: remove, of: Server, messages: response}]
  dressed:
    - {do: set, of: From.display, to: Example Ltd}
    - {do: remove, of: User-Agent}
    - {do: add, of: X-Customer, to: "${ext}", when: [{of: From.user, match: "[+]493055(?P<ext>7[0-9])$"}]}
    - {do: replace, of: Request-URI.user, match: "$", to: ";tgrp=line7", methods: [INVITE]}
  old-phones: [{do: reject, to: "Please update", methods: [INVITE], when: [{of: User-Agent, match: "^OldPBX"}]}]
  wrong: [{do: set, of: To.host, to: "a b"}]
`

// sippFlows are the rows of the matrix. A call record reads "answered by SIDE Q.850" or "refused by SIDE STATUS".
var sippFlows = []flow{
	{scene: "answered", record: "answered by a 16"},
	{scene: "talk", values: values{"ms": "1500"}, record: "answered by a 16"},
	{scene: "callee_hangs_up", record: "answered by b 16"},
	{scene: "answered_at_once", record: "answered by a 16"},
	{scene: "many_provisionals", record: "answered by a 16"},
	{scene: "early_media", record: "answered by a 16"},
	{scene: "early_media_refused", record: "refused by b 404"},

	{scene: "refused", values: values{"status": "400", "told": "400"}, record: "refused by b 400"},
	{scene: "refused", values: values{"status": "403", "told": "403"}, record: "refused by b 403"},
	{scene: "refused", values: values{"status": "404", "told": "404"}, record: "refused by b 404"},
	{scene: "refused", values: values{"status": "410", "told": "410"}, record: "refused by b 410"},
	{scene: "refused", values: values{"status": "480", "told": "480"}, record: "refused by b 480"},
	{scene: "refused", values: values{"status": "484", "told": "484"}, record: "refused by b 484"},
	{scene: "refused", values: values{"status": "486", "told": "486"}, record: "refused by b 486"},
	{scene: "refused", values: values{"status": "488", "told": "500"}, record: "refused by b 488"},
	{scene: "refused", values: values{"status": "500", "told": "500"}, record: "refused by b 500"},
	{scene: "refused", values: values{"status": "503", "told": "500"}, record: "refused by b 503"},
	{scene: "refused", values: values{"status": "600", "told": "600"}, record: "refused by b 600"},
	{scene: "refused", values: values{"status": "603", "told": "603"}, record: "refused by b 603"},
	{scene: "refused", values: values{"status": "302", "told": "480"}, trunks: values{"callee": "redirect: map"}, record: "refused by b 302"},
	{scene: "callee_offers_nothing", values: values{"told": "500"}, record: "refused by b 488"},

	{scene: "cancel_ringing", record: "refused by a 487"},
	{scene: "cancel_early", record: "refused by a 487"},
	{scene: "cancel_crosses_answer", record: "refused by a 487"},
	{scene: "cancel_481", record: "refused by a 487"},
	{scene: "cancel_twice", record: "refused by a 487"},
	{scene: "cancel_too_late", record: "answered by a 16"},
	{scene: "cancel_of_nothing"},

	{scene: "late_offer", record: "answered by a 16"},
	{scene: "late_offer_unanswered", record: "answered by gateway 88/488"},
	{scene: "reinvite_without_sdp", record: "answered by a 16"},
	{scene: "reinvite_refused", record: "answered by a 16"},
	{scene: "reinvite_of_both", record: "answered by a 16"},
	{scene: "reinvite_old_cseq", record: "answered by a 16"},
	{scene: "hold", values: hold("a=sendonly", "", "a=recvonly"), record: "answered by a 16"},
	{scene: "hold", values: hold("a=inactive", "", "a=inactive"), record: "answered by a 16"},
	{scene: "hold", values: hold("a=recvonly", "", "a=sendonly"), record: "answered by a 16"},
	{scene: "hold", values: hold("s:a=sendonly", "", "a=recvonly"), record: "answered by a 16"},
	{scene: "hold", values: hold("s:a=inactive", "", "a=inactive"), record: "answered by a 16"},
	{scene: "hold", values: hold("s:a=inactive", "a=sendonly", "a=recvonly"), record: "answered by a 16"},
	{scene: "hold", values: hold("c=IN IP4 0.0.0.0", "", "a=(recvonly|inactive)"), record: "answered by a 16"},
	{scene: "hold", values: hold("c=IN IP4 0.0.0.0", "a=sendonly", "a=(recvonly|inactive)"), record: "answered by a 16"},
	{scene: "hold", values: hold("m=audio 0 RTP/AVP 8 0 101", "", "m=audio 0 "), record: "answered by a 16"},
	{scene: "callee_holds", values: hold("a=sendonly", "", "a=recvonly"), record: "answered by b 16"},
	{scene: "callee_holds", values: hold("a=inactive", "", "a=inactive"), record: "answered by b 16"},
	{scene: "callee_holds", values: hold("c=IN IP4 0.0.0.0", "", "a=(recvonly|inactive)"), record: "answered by b 16"},

	{scene: "update_offer", record: "answered by a 16"},
	{scene: "update_refresh", record: "answered by a 16"},
	{scene: "update_refused", record: "answered by a 16"},
	{scene: "callee_updates", record: "answered by b 16"},
	{scene: "session_too_short", record: "refused by gateway 422"},
	{scene: "session_422_from_callee", record: "answered by a 16"},
	{scene: "session_refresher", record: "answered by a 16"},
	{scene: "no_session_timer", record: "answered by a 16"},

	{scene: "refresh_glare", only: "udp", slow: true, record: "answered by a 16"},
	{scene: "refresh_by_update", only: "udp", slow: true, record: "answered by a 16"},

	{scene: "record_route", record: "answered by a 16"},
	{scene: "record_route_caller", record: "answered by b 16"},
	{scene: "strict_route", record: "answered by a 16"},
	{scene: "target_refresh", record: "answered by a 16"},

	{scene: "invite_twice", record: "answered by a 16", only: "udp"},
	{scene: "late_ack", record: "answered by a 16", only: "udp"},
	{scene: "late_ack_stream", record: "answered by a 16", only: "tcp"},
	{scene: "bye_twice", record: "answered by a 16"},
	{scene: "merged", record: "answered by a 16"},
	{scene: "bye_crossing", record: "answered by a 16"},
	{scene: "bye_early", record: "refused by a 487"},

	{scene: "options_in_dialog", record: "answered by a 16"},
	{scene: "info_digit", record: "answered by a 16"},
	{scene: "unknown_in_dialog", values: values{"told": "501"}, record: "answered by a 16"},
	{scene: "notify_without_subscription", values: values{"told": "481"}, record: "answered by a 16"},
	{scene: "options"},
	{scene: "options_through"},
	{scene: "bye_of_nothing"},
	{scene: "info_of_nothing"},

	{scene: "no_hops_left", record: "refused by gateway 483"},
	{scene: "fewer_hops", record: "answered by a 16"},
	{scene: "sips", record: "refused by gateway 480"},
	{scene: "unknown_scheme"},
	{scene: "require_unknown"},
	{scene: "tel_uri", record: "answered by a 16"},

	{scene: "failover_503", record: "answered by a 16"},
	{scene: "failover_silence", record: "answered by a 16"},
	{scene: "answered", closed: true, only: "udp", record: "answered by a 16"},
	{scene: "failover_third", record: "answered by a 16"},
	{scene: "failover_none_left", record: "refused by b 503"},
	{scene: "no_failover_when_busy", record: "refused by b 486"},
	{scene: "no_failover_after_ringing", record: "refused by b 503"},
	{scene: "fork_ringing", record: "answered by a 16"},
	{scene: "fork_two_answers", record: "answered by a 16"},
	{scene: "reliable_183", record: "answered by a 16"},

	{scene: "prack_required", record: "answered by a 16"},
	{scene: "prack_holds_answer", record: "answered by a 16"},
	{scene: "prack_unknown", record: "refused by b 486"},
	{scene: "prack_repeated", record: "answered by a 16", only: "tcp"},
	{scene: "prack_offer", record: "answered by a 16"},
	{scene: "prack_late_offer", record: "answered by a 16"},
	{scene: "prack_supported", trunks: values{"caller": "rel100: supported"}, record: "answered by a 16"},
	{scene: "prack_cancel", record: "refused by a 487"},
	{scene: "update_early_caller", record: "answered by a 16"},
	{scene: "update_early_callee", record: "answered by a 16"},
	{scene: "update_unanswered", record: "answered by a 16"},

	{scene: "redirected", behind: "second", record: "answered by a 16"},
	{scene: "redirected_unrouted", record: "refused by b 302"},
	{scene: "redirected_afar", values: values{"told": "480"}, record: "refused by b 302"},
	{scene: "challenged", trunks: values{"callee": "auth: {user: u4711, password: hush}"}, record: "answered by a 16"},
	{scene: "challenged_twice", trunks: values{"callee": "auth: {user: u4711, password: wrong}"}, record: "refused by b 407"},
	{scene: "challenged_unknown", record: "refused by b 401"},
	{scene: "ruled", trunks: values{"caller": "rules: {in: [extension], out: [told]}", "callee": "rules: {out: [dressed]}"}, record: "answered by a 16"},
	{scene: "ruled_out", trunks: values{"caller": "rules: {in: [old-phones]}"}, record: "refused by gateway 403"},
	{scene: "ruled_wrong", trunks: values{"caller": "rules: {in: [wrong]}"}, record: "refused by gateway 500"},
	{scene: "passed", trunks: values{
		"caller": "pass: {in: {headers: [X-Ref, X-Mine], bodies: [application/pidf+xml, text/plain], sdp: [x-note]}, out: {headers: [X-Node], sdp: [x-note, x-other]}}",
		"callee": "pass: {in: {headers: [X-Node, X-Secret], sdp: [x-note]}, out: {headers: [X-Ref], bodies: [application/pidf+xml], sdp: [x-note, x-other]}}",
	}, record: "answered by a 16"},
	{scene: "reason_crosses", record: "answered by b 41"},
	{scene: "reason_believed", record: "refused by b 503"},
	{scene: "cancelled_elsewhere", record: "refused by a 487"},
	{scene: "retry_after", record: "refused by b 486"},

	{scene: "refer_blind", aside: "second", record: "answered by a 16; answered by a 16"},
	{scene: "refer_by_caller", aside: "second", record: "answered by a 16; answered by b 16"},
	{scene: "refer_fails", aside: "second", record: "answered by a 16; refused by b 486"},
	{scene: "refer_silent", aside: "second", record: "answered by a 16; answered by a 16"},
	{scene: "refer_and_leave", aside: "second", record: "answered by a 16; answered by a 16"},
	{scene: "refer_attended", aside: "second", record: "answered by a 16; answered by b 16", only: "udp"},
	{scene: "refer_refused", record: "answered by a 16"},
	{scene: "refer_policy", trunks: values{"callee": "refer: reject"}, record: "answered by a 16"},
	{scene: "refer_outside"},
	{scene: "replaces", record: "answered by a 16; answered by a 16"},
	{scene: "replaces_unknown", record: "refused by gateway 481"},
	{scene: "replaces_malformed", record: "refused by gateway 400"},

	{scene: "accepts_no_sdp", record: "refused by gateway 406"},
	{scene: "body_not_sdp", record: "refused by gateway 415"},
	{scene: "body_in_parts", record: "answered by a 16"},
	{scene: "foreign_codecs", record: "refused by gateway 488"},
	{scene: "unknown_method"},
	{scene: "two_vias", record: "answered by a 16"},
	{scene: "hidden", record: "answered by a 16"},
	{scene: "profiles", trunks: values{
		"caller": `profile_settings: {num.in: [{match: "00(.*)", to: "+$1"}], id.in: pai, div.in: diversion, reason: q850}`,
		"callee": `profile: sipconnect2, profile_settings: {num.out: [{match: "[+]49(.*)", to: "0$1"}], cause.in: [{status: 607, as: 603, cause: 21}]}`,
	}, record: "refused by b 603"},
	{scene: "display_names", record: "answered by a 16"},
	{scene: "escaped_number", record: "answered by a 16"},
	{scene: "compact", record: "answered by a 16"},

	{scene: "message"},
	{scene: "message_refused"},
	{scene: "message_image"},
	{scene: "publish"},
	{scene: "subscribe"},
	{scene: "notify_first"},
	{scene: "subscribe_unknown"},
	{scene: "subscribe_refused"},

	{scene: "answered", calls: 200, record: "answered by a 16"},
	{scene: "hold", values: hold("a=sendonly", "", "a=recvonly"), calls: 50, record: "answered by a 16"},
	{scene: "cancel_ringing", calls: 100, record: "refused by a 487"},
	// SIPp takes the 200 to an INVITE, repeated for a lost ACK, for the one to its BYE: this caller must not lose its ACK.
	{scene: "answered", calls: 20, lost: 15, lossy: "callee", only: "udp", record: "answered by a 16"},
	{scene: "callee_hangs_up", calls: 20, lost: 15, only: "udp", record: "answered by b 16"},
	{scene: "cancel_ringing", calls: 20, lost: 5, only: "udp", record: "refused by a 487"},
}

// hold is a form of hold, more lines of it, and what its answer says.
func hold(form, more, want string) values { return values{"form": form, "more": more, "want": want} }
