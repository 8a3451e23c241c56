package profile

// Profile is everything that is particular to one peer. The zero value is a peer without peculiarities: what the base "generic" spells
// out. Each switch has one word in the file, the tag yaml; doc and enum go into the JSON Schema.
type Profile struct {
	Identity Identity `yaml:",inline"`
	Call     Call     `yaml:",inline"`
	Media    Media    `yaml:",inline"`
	Wire     Wire     `yaml:",inline"`
	Cause    Cause    `yaml:",inline"`

	numIn, numOut, emergency []rule // compiled by Check
}

// Identity is how numbers and identities look at the peer.
type Identity struct {
	NumIn  []Rewrite `yaml:"num.in,omitempty" doc:"How numbers from it become those of the routes: the first row whose match fits the whole number is used, else the number stays."`
	NumOut []Rewrite `yaml:"num.out,omitempty" doc:"How numbers are written towards it, in the same form."`

	UserPhone  string `yaml:"uri.user_phone,omitempty" doc:"The parameter user=phone behind numbers towards it. keep by default: none is added." enum:"keep,add,strip"`
	UserParams string `yaml:"uri.user_params,omitempty" doc:"Parameters in the user part (number portability: npdi, rn, cic) towards it. strip by default." enum:"strip,keep"`
	Tel        string `yaml:"uri.tel,omitempty" doc:"Numbers as sip: URIs (to_sip, the default) or tel: URIs (to_tel) in the Request-URI, To and asserted identity towards it; keep: as the caller wrote its Request-URI. Both are read from it." enum:"to_sip,to_tel,keep"`
	CalledFrom string `yaml:"called.from,omitempty" doc:"Where its INVITEs name who is called. ruri by default; to, or pcpid (P-Called-Party-ID), for trunks that put the registered account into the Request-URI." enum:"ruri,to,pcpid"`

	IDIn        string `yaml:"id.in,omitempty" doc:"The header that names who calls from it, if there is one, else From, which is the default: pai (P-Asserted-Identity), ppi (P-Preferred-Identity), rpid (Remote-Party-ID). Believed: name one only for a peer that asserts what it has checked." enum:"from,pai,ppi,rpid"`
	IDOut       string `yaml:"id.out,omitempty" doc:"The header besides From that tells it who calls. from by default: none." enum:"from,pai,ppi,rpid"`
	IDNumber    string `yaml:"id.number,omitempty" doc:"The number that the peer knows this trunk by."`
	NoScreening bool   `yaml:"id.no_screening,omitempty" doc:"The caller's number in From is not checked by it (CLIP no screening): the header of id.out names id.number instead."`

	CLIRIn   string `yaml:"clir.in,omitempty" doc:"How its callers withhold their number besides Privacy and an anonymous From, which are always heard. prefix: *31# before the called number; rpid: privacy=full in Remote-Party-ID." enum:"privacy,prefix,rpid"`
	CLIROut  string `yaml:"clir.out,omitempty" doc:"How a caller's wish to withhold its number is told to it. privacy by default: Privacy: id and an anonymous From; prefix: *31# before the called number, From as it is; rpid: privacy=full in Remote-Party-ID, and an anonymous From." enum:"privacy,prefix,rpid"`
	CLIRKeep bool   `yaml:"clir.keep_id,omitempty" doc:"It is told in the header of id.out who calls even if the caller withholds the number: for peers inside the trust domain (RFC 3325), which hide it themselves."`

	DivIn  string `yaml:"div.in,omitempty" doc:"Where it says that a call was forwarded: none by default, not read; diversion (RFC 5806), hi (History-Info, RFC 7044)." enum:"none,diversion,hi"`
	DivOut string `yaml:"div.out,omitempty" doc:"How a forwarded call is told to it. none by default." enum:"none,diversion,hi"`
	DivMax int    `yaml:"div.max,omitempty" doc:"Most entries towards it, the newest first to be kept; 0 is 5."`
	DivOwn string `yaml:"div.own_number,omitempty" doc:"A number of the trunk that is named as the newest forwarding party of a call that came from another trunk, for peers that bill such calls by it."`

	EmergencyMap      []Rewrite `yaml:"emerg.map,omitempty" doc:"How emergency numbers are written towards it: {match: \"112\", to: \"urn:service:sos\"}. A number that a row fits goes out without number withholding."`
	EmergencyLocation []Header  `yaml:"emerg.location,omitempty" doc:"Headers that say where an emergency call comes from, such as {name: Geolocation, value: <https://...>}: sent with the numbers of emerg.map only."`

	STIR      string `yaml:"stir,omitempty" doc:"Identity headers (RFC 8224) of callers. strip by default; pass: sent on when number, caller and date are those that were signed." enum:"strip,pass"`
	Verstat   string `yaml:"stir.verstat,omitempty" doc:"The parameter verstat of the caller's number. strip by default." enum:"strip,keep"`
	UUI       string `yaml:"uui,omitempty" doc:"User-to-user information, both ways. drop by default; rfc7433: User-to-User with encoding=hex; x_uui: X-UUI." enum:"drop,rfc7433,x_uui"`
	UUIMax    int    `yaml:"uui.max,omitempty" doc:"Octets of it at most; what is longer is cut. 0 is 128, the limit of ISDN."`
	Display   string `yaml:"display,omitempty" doc:"Display names towards it. keep by default; ascii: without accents and other scripts; drop: none." enum:"keep,ascii,drop"`
	DisplayAt int    `yaml:"display.max,omitempty" doc:"Characters of a display name at most; 0 is 64."`
}

// Call is what calls with the peer do otherwise.
type Call struct {
	Rel100   string `yaml:"rel100,omitempty" doc:"The default of the trunk's rel100." enum:"off,supported,required"`
	Precond  bool   `yaml:"precond,omitempty" doc:"The default of the trunk's preconditions."`
	Redirect string `yaml:"redirect,omitempty" doc:"The default of the trunk's redirect." enum:"follow,map,pass"`
	Refer    string `yaml:"refer,omitempty" doc:"The default of the trunk's refer." enum:"local,pass,reject"`
	On6xx    string `yaml:"hunt.on_6xx,omitempty" doc:"What a 6xx from it does to the search for another way. stop by default: it speaks for the user; next: the next trunk is tried, for peers whose 6xx speak of themselves." enum:"stop,next"`

	Next []int `yaml:"reroute.next,omitempty" doc:"The default of next in the trunk's reroute."`

	Timer     string `yaml:"timer,omitempty" doc:"Session timers (RFC 4028). on by default: asked for; off: neither asked for nor offered by us; require: it has to serve them." enum:"on,off,require"`
	TimerSE   int    `yaml:"timer.se,omitempty" doc:"Seconds of Session-Expires that it is asked for; 0 is the gateway's 1800, 90 the least."`
	TimerBy   string `yaml:"timer.method,omitempty" doc:"What refreshes a session: auto by default, UPDATE when it serves it, else a re-INVITE." enum:"auto,update,invite"`
	Refresher string `yaml:"timer.refresher,omitempty" doc:"Who is to refresh the calls that we place: auto by default, it decides; us; peer." enum:"auto,us,peer"`
}

// Media are defaults of the trunk's media settings.
type Media struct {
	Codecs []string `yaml:"codec.allow,omitempty" doc:"The default of the trunk's codecs." enum:"opus,G722,PCMU,PCMA"`
	Ptime  int      `yaml:"media.ptime,omitempty" doc:"The default of the trunk's ptime."`
	DTMF   string   `yaml:"dtmf,omitempty" doc:"The default of the trunk's dtmf." enum:"auto,rfc4733,info,info-dtmf,inband"`
	SRTP   string   `yaml:"srtp,omitempty" doc:"The default of the trunk's srtp." enum:"rtp,optional,sdes,dtls"`
}

// Wire is the form of messages.
type Wire struct {
	Advertise []string `yaml:"advertise,omitempty" doc:"Extensions that Supported may name towards it, of those that the call serves; all by default, none: [none]."`
	Allow     []string `yaml:"advertise.methods,omitempty" doc:"Methods that Allow may name towards it, of those that are served; all by default."`
	Drop      []string `yaml:"hdr.drop,omitempty" doc:"Headers that are left out of INVITEs towards it, such as Allow or Supported."`
	Pass      []string `yaml:"hdr.pass,omitempty" doc:"Headers of the caller's INVITE that cross to it as they are, such as X-Call-Reference. Headers with addresses or with a meaning of their own cannot be named."`

	ContactHost string `yaml:"contact.host,omitempty" doc:"Host of our Contact towards it in calls and OPTIONS, such as the name in our certificate; the address of the socket by default."`
	ContactUser string `yaml:"contact.user,omitempty" doc:"User part of our Contact towards it in calls, such as the trunk's id, with ;tgrp= and ;trunk-context= (RFC 4904) if it wants them; an opaque word by default."`

	Charging string `yaml:"hdr.pcv,omitempty" doc:"Our network's name for charging (orig-ioi): each INVITE to it has a P-Charging-Vector (RFC 7315) with that and an identifier of its own. The caller's never crosses."`

	LFOnly     bool     `yaml:"wire.lf_only,omitempty" doc:"Header lines of its datagrams may end by LF alone; from anybody else that is refused."`
	CompactOut bool     `yaml:"wire.compact_out,omitempty" doc:"Short header names (v, f, t, i, m) in INVITEs towards it."`
	DropOrder  []string `yaml:"mtu.drop_order,omitempty" doc:"Headers that are left out of an INVITE to a UDP target, in this order, until it fits into 1300 bytes."`
}

// Cause is how final answers and causes translate, where the peer's own table is not RFC 3398.
type Cause struct {
	In     []Translation `yaml:"cause.in,omitempty" doc:"What its final answers mean: {status: 480, cause: 20} reads a cause, {status: 607, as: 603} another status. A Q.850 Reason in the answer wins over the cause."`
	Out    []Translation `yaml:"cause.out,omitempty" doc:"What it is told: {cause: 21, as: 603} by cause, {status: 404, as: 604} by status; the first row that fits."`
	Reason string        `yaml:"reason,omitempty" doc:"The Reason header towards it: pass by default, SIP and Q.850; q850 or sip: that one alone; none. An answer elsewhere (RFC 3326) is always told." enum:"pass,q850,sip,none"`
}

// Header is one header line.
type Header struct {
	Name  string `yaml:"name,omitempty" doc:"Name of the header."`
	Value string `yaml:"value,omitempty" doc:"Its value."`
}
