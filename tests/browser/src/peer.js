// Every peer connection of the page, whoever makes it: its states with their times, and the codecs that it is allowed to offer.

const made = [];
let allowed;

class WatchedPeerConnection extends RTCPeerConnection {
  constructor(...args) {
    super(...args);
    this.states = [];
    made.push(this);
    const note = (kind, state) => this.states.push({ kind, state, at: performance.now() });
    this.addEventListener('connectionstatechange', () => note('connection', this.connectionState));
    this.addEventListener('iceconnectionstatechange', () => note('ice', this.iceConnectionState));
  }

  createOffer(...args) {
    this.narrow();
    return super.createOffer(...args);
  }

  createAnswer(...args) {
    this.narrow();
    return super.createAnswer(...args);
  }

  narrow() {
    if (!allowed) return;
    const codecs = RTCRtpReceiver.getCapabilities('audio').codecs.filter((c) => allowed.includes(c.mimeType.replace('audio/', '')));
    for (const t of this.getTransceivers()) t.setCodecPreferences(codecs);
  }
}

window.RTCPeerConnection = WatchedPeerConnection;

// allow restricts the codecs of later offers and answers, in this order; null lifts it.
export function allow(names) { allowed = names; }

// reached tells when the newest peer connection first came to a state, on the page's clock in ms; 0 is never.
export function reached(kind, state) {
  return made.at(-1)?.states.find((s) => s.kind === kind && s.state === state)?.at ?? 0;
}
