// drawbridge.js: phone calls from a web page through a Drawbridge gateway (JSON signalling, version 1).
//
//   import { Drawbridge } from 'https://voice.example.com/drawbridge.js';
//
//   const phone = new Drawbridge({ url: 'wss://voice.example.com/v1/signal', user: 'alice', password: '…' });
//   phone.on('incoming', (call) => call.answer());
//   await phone.connect();
//
//   const call = phone.call('+49 30 123456');
//   call.on('state', () => console.log(call.state));   // calling ringing connecting talking ended
//   call.dtmf('12#');  await call.hold(true);  call.mute(true);  call.hangup();
//
// Events of a Drawbridge: 'state' (offline connecting online waiting), 'incoming' (Call), 'error' (DrawbridgeError).
// Events of a Call: 'state', 'stage' (name, ms), 'hold', 'dtmf' (digit), 'blocked' (the browser wants a click before it plays sound).
// One file, no dependency, no build step.

export const VERSION = 1;
const SUBPROTOCOL = 'drawbridge.v1';
const HELLO_MS = 10_000; // for the gateway's answer to hello
const MEDIA_MS = 15_000; // from answer to sound; after that the call is given up
const HOLD_MS = 10_000;
const BACKOFF_MS = [500, 1_000, 2_000, 5_000, 10_000, 30_000];

/** An error with a short stable code: password, blocked, gateway, version, insecure, microphone-denied, microphone-missing, microphone-busy, media, refused. */
export class DrawbridgeError extends Error {
  constructor(code, message, status = 0) {
    super(message);
    this.name = 'DrawbridgeError';
    this.code = code;
    this.status = status;
  }
}

class Emitter {
  #heard = new Map();

  /** Calls fn on every event of that name; returns a function that stops it. */
  on(name, fn) {
    if (!this.#heard.has(name)) this.#heard.set(name, new Set());
    this.#heard.get(name).add(fn);
    return () => this.#heard.get(name).delete(fn);
  }

  emit(name, ...args) {
    for (const fn of [...(this.#heard.get(name) ?? [])]) fn(...args);
  }
}

/** One signed-in connection to a gateway. */
export class Drawbridge extends Emitter {
  /**
   * @param {object} o
   * @param {string} o.url        wss://HOST/v1/signal
   * @param {string} o.user
   * @param {string} o.password
   * @param {MediaTrackConstraints|boolean} [o.audio]  how to open the microphone; default true
   * @param {HTMLAudioElement} [o.sink]                where the far side is played; default: an element of its own
   * @param {boolean} [o.reconnect]                    after a lost connection; default true
   */
  constructor({ url, user, password, audio = true, sink = null, reconnect = true }) {
    super();
    Object.assign(this, { url, user, audio, sink, reconnect });
    this.state = 'offline';
    this.name = '';      // of the gateway
    this.numbers = [];   // of the account
    this.calls = new Map();
    this.#password = password;
  }

  #password;
  #ws = null;
  #timer = 0;
  #tries = 0;
  #wanted = false;
  #context = null;

  /** Signs in. Rejects with a DrawbridgeError; once it has succeeded the connection is kept up until close(). */
  async connect() {
    if (this.#wanted) throw new DrawbridgeError('gateway', 'connect() was called already');
    this.#wanted = true;
    try {
      await this.#open();
    } catch (err) {
      this.close();
      throw err;
    }
  }

  /** Hangs everything up and signs out. */
  close() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    for (const call of this.calls.values()) call.hangup(call.state === 'incoming' ? { status: 480 } : {}); // leaving declines for nobody else
    this.#ws?.close(1000);
    this.#ws = null;
    this.#context?.close();
    this.#context = null;
    this.#become('offline');
  }

  /** Places a call. The Call is returned at once; watch its state. */
  call(number) {
    const call = new Call(this, { id: newID(), peer: number, direction: 'out' });
    this.calls.set(call.id, call);
    if (this.state === 'online') call.start();
    else call.finish(new DrawbridgeError('gateway', 'not connected', 503));
    return call;
  }

  // From here on: what Call uses.

  /** The page's one AudioContext. It must first be asked for in a click, or the browser keeps it silent. */
  get audioContext() {
    this.#context ??= new AudioContext({ latencyHint: 'interactive' });
    if (this.#context.state === 'suspended') this.#context.resume().catch(() => {});
    return this.#context;
  }

  send(message) {
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(message));
  }

  forget(call) {
    this.calls.delete(call.id);
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.emit('state', state);
  }

  // #open: socket, hello, answer to hello. Resolves when signed in.
  #open() {
    this.#become('connecting');
    return new Promise((resolve, reject) => {
      let ws;
      try {
        ws = new WebSocket(this.url, SUBPROTOCOL);
      } catch {
        reject(new DrawbridgeError('gateway', `not an address: ${this.url}`));
        return;
      }
      let greeted = false;
      const fail = (err) => {
        clearTimeout(late);
        ws.onclose = null;
        ws.close();
        reject(err);
      };
      const late = setTimeout(() => fail(new DrawbridgeError('gateway', 'the gateway does not answer')), HELLO_MS);
      ws.onopen = () => ws.send(JSON.stringify({ type: 'hello', v: VERSION, user: this.user, password: this.#password }));
      ws.onmessage = ({ data }) => {
        const m = JSON.parse(data);
        if (greeted) {
          this.#hear(m);
        } else if (m.type === 'hello') {
          greeted = true;
          clearTimeout(late);
          this.#welcome(ws, m);
          resolve();
        } else if (m.type === 'error') {
          fail(helloError(m));
        }
      };
      ws.onclose = () => {
        clearTimeout(late);
        if (greeted) this.#lost(ws);
        else reject(new DrawbridgeError('gateway', 'the gateway cannot be reached'));
      };
    });
  }

  #welcome(ws, m) {
    if (!this.#wanted) { // close() came first
      ws.close(1000);
      return;
    }
    this.#ws = ws;
    this.#tries = 0;
    this.name = m.name ?? '';
    this.numbers = m.numbers ?? [];
    this.#become('online');
  }

  #lost(ws) {
    if (this.#ws !== ws) return;
    this.#ws = null;
    for (const call of [...this.calls.values()]) call.finish(new DrawbridgeError('gateway', 'the connection to the gateway was lost'));
    if (!this.#wanted) return;
    if (this.reconnect) this.#retry();
    else this.close();
  }

  // #retry: after 0.5 s, then longer and longer up to 30 s, each with up to half of it added so that pages do not return in step.
  #retry() {
    this.#become('waiting');
    const base = BACKOFF_MS[Math.min(this.#tries++, BACKOFF_MS.length - 1)];
    this.#timer = setTimeout(async () => {
      try {
        await this.#open();
      } catch (err) {
        if (!this.#wanted) return;
        if (err.code === 'gateway' || err.code === 'blocked') {
          this.#retry();
          return;
        }
        this.close(); // the password is no longer right: asking again will not help
        this.emit('error', err);
      }
    }, base * (1 + Math.random() / 2));
  }

  #hear(m) {
    const call = this.calls.get(m.call);
    if (call) {
      call.hear(m);
    } else if (m.type === 'call') {
      const incoming = new Call(this, { id: m.call, peer: m.from ?? '', direction: 'in', offer: m.sdp });
      this.calls.set(incoming.id, incoming);
      this.send({ type: 'ringing', call: incoming.id });
      this.emit('incoming', incoming);
    } else if (m.type === 'error' && !m.call) {
      this.emit('error', new DrawbridgeError('refused', m.reason ?? 'the gateway refused a message', m.status));
    } // else: a message to a call that has just ended
  }
}

/**
 * One call. state: calling -> ringing -> connecting -> talking -> ended, or incoming -> connecting -> talking -> ended.
 * When it has ended, `error` is a DrawbridgeError, or null for a normal hang-up.
 */
export class Call extends Emitter {
  constructor(phone, { id, peer, direction, offer = '' }) {
    super();
    this.id = id;
    this.peer = peer;
    this.direction = direction; // 'in' or 'out'
    this.state = direction === 'in' ? 'incoming' : 'calling';
    this.startedAt = Date.now();
    this.answeredAt = 0;
    this.endedAt = 0;
    this.stages = {};           // name -> ms since the call started: ringing answer ice dtls rtp
    this.early = false;         // the far side is to be heard before it answers
    this.muted = false;
    this.held = false;          // by this side
    this.heldByFar = false;
    this.error = null;
    this.endedBy = '';          // 'here', 'far', or 'elsewhere': another device of this account has answered
    this.#phone = phone;
    this.#offer = offer;
  }

  #phone;
  #offer;
  #pc = null;
  #mic = null;
  #far = null;        // what the far side says
  #remoteSDP = '';
  #answering = false;
  #meters = {};
  #watch = 0;         // media timeout
  #firstRTP = 0;
  #holding = Promise.resolve();
  #holdAnswer = null; // resolves the hold under way

  /** Takes an incoming call. */
  async answer() {
    if (this.state !== 'incoming' || this.#answering) return;
    this.#answering = true;
    try {
      await this.#openMedia();
      await this.#pc.setRemoteDescription({ type: 'offer', sdp: this.#offer });
      this.#remoteSDP = this.#offer;
      await this.#pc.setLocalDescription(await this.#pc.createAnswer());
      if (this.state !== 'incoming') return; // the caller has given up meanwhile
      this.#phone.send({ type: 'answer', call: this.id, sdp: this.#pc.localDescription.sdp });
      this.#answered();
    } catch (err) {
      this.#abandon(mediaError(err));
    }
  }

  /** Ends the call, whatever it is doing: declines, cancels or hangs up. */
  hangup({ status = this.state === 'incoming' ? 603 : 0, reason = '' } = {}) {
    if (this.state === 'ended') return;
    this.#phone.send({ type: 'bye', call: this.id, ...(status && { status }), ...(reason && { reason }) });
    this.finish(null, 'here');
  }

  /** Sends DTMF digits, 0-9 * # A-D, once the call is answered. */
  dtmf(digits) {
    if (!this.answeredAt) return;
    this.#phone.send({ type: 'dtmf', call: this.id, digits: String(digits) });
  }

  /** Stops or lets pass the microphone; the far side is not told. */
  mute(on) {
    this.muted = on;
    for (const track of this.#mic?.getAudioTracks() ?? []) track.enabled = !on && !this.held;
    this.emit('state', this.state);
  }

  /** Holds or resumes. Resolves when the gateway has agreed, rejects and leaves all as it was when it has not. */
  hold(on) {
    this.#holding = this.#holding.catch(() => {}).then(() => this.#reoffer(on));
    return this.#holding;
  }

  /** The loudness of both directions, each 0 (silent) to 1 (full scale), on a decibel scale. */
  levels() {
    return { out: this.muted || this.held ? 0 : loudness(this.#meters.out), in: this.held ? 0 : loudness(this.#meters.in) };
  }

  /** The RTCPeerConnection, for statistics; null before there is one. */
  get peerConnection() {
    return this.#pc;
  }

  // From here on: what Drawbridge uses.

  async start() {
    try {
      await this.#openMedia();
      preferOpus(this.#pc); // an answer keeps the gateway's order: it knows what the far side speaks
      await this.#pc.setLocalDescription(await this.#pc.createOffer());
      if (this.state === 'ended') return;
      // No wait for candidates: the gateway needs none of ours, it answers checks from wherever they come.
      this.#phone.send({ type: 'call', call: this.id, to: this.peer, sdp: this.#pc.localDescription.sdp });
    } catch (err) {
      this.#abandon(mediaError(err));
    }
  }

  hear(m) {
    switch (m.type) {
      case 'ringing': this.#ringing(m); break;
      case 'answer': this.#answer(m); break;
      case 'hold': this.#heardHold(m); break;
      case 'dtmf': this.emit('dtmf', m.digits); break;
      case 'stage': this.#passed(m.stage); break;
      case 'bye': this.#bye(m); break;
      case 'error': this.#heardError(m); break;
    }
  }

  #bye({ status = 0, reason = '' }) {
    if (status === 200) this.finish(null, 'elsewhere');
    else this.finish(status ? new DrawbridgeError('refused', reason, status) : null, 'far');
  }

  finish(error, by = 'here') {
    if (this.state === 'ended') return;
    this.endedBy = by;
    clearTimeout(this.#watch);
    clearInterval(this.#firstRTP);
    this.error = error;
    this.endedAt = Date.now();
    this.#holdAnswer?.({ error });
    for (const node of Object.values(this.#meters)) node.source.disconnect();
    this.#meters = {};
    for (const track of this.#mic?.getTracks() ?? []) track.stop();
    this.#pc?.close();
    if (this.#far && this.#sink.srcObject === this.#far) this.#sink.srcObject = null;
    this.#phone.forget(this);
    this.#become('ended');
  }

  get #sink() {
    return this.#phone.sink;
  }

  #become(state) {
    if (this.state === state || this.state === 'ended') return;
    this.state = state;
    this.emit('state', state);
  }

  // #abandon ends a call for a reason on this side, and tells the gateway.
  #abandon(error) {
    if (this.state === 'ended') return;
    this.#phone.send({ type: 'bye', call: this.id, ...(this.state === 'incoming' && { status: 480 }) });
    this.finish(error);
  }

  #passed(stage) {
    if (stage in this.stages) return;
    this.stages[stage] = Date.now() - this.startedAt;
    this.emit('stage', stage, this.stages[stage]);
  }

  async #openMedia() {
    if (!navigator.mediaDevices?.getUserMedia) throw new DrawbridgeError('insecure', 'the microphone needs HTTPS or localhost');
    const context = this.#phone.audioContext; // first, while the click still counts
    this.#mic = await navigator.mediaDevices.getUserMedia({ audio: this.#phone.audio });
    if (this.state === 'ended') {
      for (const track of this.#mic.getTracks()) track.stop();
      throw new DrawbridgeError('refused', 'the call ended before the microphone was open');
    }
    const [track] = this.#mic.getAudioTracks();
    track.onended = () => this.#abandon(new DrawbridgeError('microphone-missing', 'the microphone was unplugged'));
    track.enabled = !this.muted;
    this.#meters.out = meter(context, this.#mic);
    const pc = this.#pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    pc.addTrack(track, this.#mic);
    pc.ontrack = (e) => this.#play(context, e.track);
    pc.oniceconnectionstatechange = () => {
      if (['connected', 'completed'].includes(pc.iceConnectionState)) this.#passed('ice');
    };
    pc.onconnectionstatechange = () => this.#mediaState(pc.connectionState);
  }

  #play(context, track) {
    this.#far = new MediaStream([track]); // the gateway names no stream
    this.#phone.sink ??= new Audio();
    this.#sink.srcObject = this.#far;
    this.#sink.play?.().catch((err) => {
      if (err.name === 'NotAllowedError') this.emit('blocked');
    });
    this.#meters.in = meter(context, this.#far);
  }

  #mediaState(state) {
    if (state === 'connected') {
      this.#passed('ice');
      this.#passed('dtls');
      this.#awaitRTP();
      if (this.answeredAt) this.#talk();
    } else if (state === 'failed') {
      this.#abandon(new DrawbridgeError('media', 'the audio path to the gateway broke'));
    }
  }

  // #awaitRTP looks for the first packet; statistics are too slow for that.
  #awaitRTP() {
    const [receiver] = this.#pc.getReceivers();
    clearInterval(this.#firstRTP);
    this.#firstRTP = setInterval(() => {
      if (!receiver.getSynchronizationSources().length) return;
      clearInterval(this.#firstRTP);
      this.#passed('rtp');
    }, 20);
  }

  // #ringing may come again with an SDP: the far side is to be heard before it answers.
  #ringing(m) {
    this.#passed('ringing');
    if (m.sdp && !this.early) {
      this.early = true;
      this.#remote(m.sdp);
      this.emit('early');
    }
    this.#become('ringing');
  }

  #answer(m) {
    this.#answered();
    this.#remote(m.sdp);
  }

  #answered() {
    this.answeredAt ||= Date.now();
    this.#passed('answer');
    this.#become('connecting');
    clearTimeout(this.#watch);
    if (this.#pc?.connectionState === 'connected') {
      this.#talk();
      return;
    }
    this.#watch = setTimeout(() => this.#abandon(new DrawbridgeError('media', 'no audio path to the gateway was found')), MEDIA_MS);
  }

  #talk() {
    clearTimeout(this.#watch);
    this.#become('talking');
  }

  // #remote applies the gateway's SDP answer, once.
  async #remote(sdp) {
    if (!sdp || this.#remoteSDP) return;
    this.#remoteSDP = sdp;
    try {
      await this.#pc.setRemoteDescription({ type: 'answer', sdp });
    } catch (err) {
      this.#abandon(mediaError(err));
    }
  }

  async #reoffer(on) {
    if (!this.answeredAt || this.state === 'ended') throw new DrawbridgeError('refused', 'there is nothing to hold');
    if (this.held === on) return;
    const [transceiver] = this.#pc.getTransceivers();
    const before = transceiver.direction;
    transceiver.direction = on ? 'sendonly' : 'sendrecv';
    try {
      await this.#pc.setLocalDescription(await this.#pc.createOffer());
      const reply = new Promise((resolve) => { this.#holdAnswer = resolve; });
      this.#phone.send({ type: 'hold', call: this.id, on, sdp: this.#pc.localDescription.sdp });
      const late = setTimeout(() => this.#holdAnswer?.({ error: new DrawbridgeError('gateway', 'the gateway does not answer') }), HOLD_MS);
      const { sdp, error } = await reply;
      clearTimeout(late);
      this.#holdAnswer = null;
      if (!sdp) throw error ?? new DrawbridgeError('refused', 'hold was refused');
      await this.#pc.setRemoteDescription({ type: 'answer', sdp });
    } catch (err) {
      transceiver.direction = before;
      if (this.#pc.signalingState === 'have-local-offer') await this.#pc.setLocalDescription({ type: 'rollback' });
      throw mediaError(err);
    }
    this.held = on;
    for (const track of this.#mic.getAudioTracks()) track.enabled = !on && !this.muted;
    this.emit('hold');
  }

  #heardHold(m) {
    if (m.sdp && this.#holdAnswer) {
      this.#holdAnswer({ sdp: m.sdp });
      return;
    }
    this.heldByFar = Boolean(m.on);
    this.emit('hold');
  }

  #heardError(m) {
    const error = new DrawbridgeError('refused', m.reason ?? '', m.status);
    if (this.#holdAnswer) this.#holdAnswer({ error });
    else if (!this.answeredAt) this.finish(error);
    else this.#phone.emit('error', error);
  }
}

function helloError(m) {
  if (m.status === 401) return new DrawbridgeError('password', m.reason, 401);
  if (m.status === 429) return new DrawbridgeError('blocked', m.reason, 429);
  if (m.status === 505) return new DrawbridgeError('version', m.reason, 505);
  return new DrawbridgeError('gateway', m.reason ?? 'the gateway refused', m.status);
}

function mediaError(err) {
  if (err instanceof DrawbridgeError) return err;
  switch (err.name) {
    case 'NotAllowedError': return new DrawbridgeError('microphone-denied', 'the microphone may not be used');
    case 'NotFoundError':
    case 'OverconstrainedError': return new DrawbridgeError('microphone-missing', 'there is no microphone');
    case 'NotReadableError': return new DrawbridgeError('microphone-busy', 'the microphone is in use by another program');
    default: return new DrawbridgeError('media', err.message);
  }
}

// preferOpus offers what the gateway speaks, Opus first; browsers without the call offer everything.
function preferOpus(pc) {
  const wanted = ['audio/opus', 'audio/g722', 'audio/pcma', 'audio/pcmu', 'audio/telephone-event'];
  const codecs = RTCRtpReceiver.getCapabilities?.('audio')?.codecs.filter((c) => wanted.includes(c.mimeType.toLowerCase()));
  if (!codecs?.length) return;
  const rank = (c) => wanted.indexOf(c.mimeType.toLowerCase());
  codecs.sort((a, b) => rank(a) - rank(b));
  for (const t of pc.getTransceivers()) t.setCodecPreferences?.(codecs);
}

function meter(context, stream) {
  const source = context.createMediaStreamSource(stream);
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024; // 21 ms at 48 kHz
  source.connect(analyser);
  return { source, analyser, samples: new Float32Array(analyser.fftSize) };
}

// loudness maps -54..0 dBFS to 0..1.
function loudness(m) {
  if (!m) return 0;
  m.analyser.getFloatTimeDomainData(m.samples);
  let sum = 0;
  for (const s of m.samples) sum += s * s;
  const db = 10 * Math.log10(sum / m.samples.length + 1e-12);
  return Math.min(1, Math.max(0, 1 + db / 54));
}

// newID works in insecure contexts, too, where crypto.randomUUID does not exist.
function newID() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');
}
