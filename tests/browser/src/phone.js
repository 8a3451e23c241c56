// Phone is what the tests drive: one shape for every client. A subclass wires a library to it and implements
// register, call, answer, reject, hold, hangup and the getter pc.

import { Ear } from './ear.js';

// A processed microphone would filter the test tone as noise.
export const constraints = {
  audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  video: false,
};

// CallError is a refused call with the status that the library reports.
export class CallError extends Error {
  constructor(status, reason) {
    super(`${status} ${reason}`);
    this.status = status;
  }
}

export class Phone {
  constructor(account) {
    this.account = account; // { url, domain, user, password }
    this.ringing = new Latch(); // an incoming call: resolves with { from }
    this.progress = new Latch(); // the far side of an outgoing call rings: resolves with { status }
    this.ended = new Latch(); // an answered or ringing call is over: resolves with { by, status }
    this.digits = '';
  }

  // fresh forgets the call before.
  fresh() {
    this.ear?.close();
    this.ear = undefined;
    this.ringing = new Latch();
    this.progress = new Latch();
    this.ended = new Latch();
  }

  // hear waits for a tone in the received audio.
  hear(frequency, limit) {
    return this.listen().until(frequency, (h) => h.rms > 0.005 && h.share > 0.8, limit);
  }

  // silence waits until nothing is heard any more.
  silence(limit) {
    return this.listen().until(1000, (h) => h.rms < 0.002, limit);
  }

  listen() {
    if (!this.ear) {
      const tracks = this.pc.getReceivers().map((r) => r.track).filter((t) => t && t.kind === 'audio');
      this.ear = new Ear(new MediaStream(tracks));
    }
    return this.ear;
  }

  // dtmf plays digits through the browser's own RFC 4733 sender and resolves when the last one is out.
  dtmf(digits) {
    const sender = this.pc.getSenders().find((s) => s.track && s.track.kind === 'audio').dtmf;
    if (!sender.canInsertDTMF) return Promise.reject(new Error('canInsertDTMF is false'));
    return new Promise((resolve) => {
      sender.addEventListener('tonechange', (event) => { if (event.tone === '') resolve(); });
      sender.insertDTMF(digits, 100, 70);
    });
  }

  // received counts what came, and what the browser made up for what did not.
  async received() {
    for (const s of (await this.pc.getStats()).values()) {
      if (s.type === 'inbound-rtp' && s.kind === 'audio') {
        return { samples: s.totalSamplesReceived, concealed: s.concealedSamples, silent: s.silentConcealedSamples, lost: s.packetsLost };
      }
    }
    throw new Error('nothing is received');
  }

  // states are those that the call's connection has come to, in order.
  states() {
    return this.pc.states.filter((s) => s.kind === 'connection').map((s) => s.state).join(' ');
  }

  // descriptions are the SDP both ways as the browser holds it.
  descriptions() {
    return {
      local: this.pc?.currentLocalDescription?.sdp ?? '',
      remote: this.pc?.currentRemoteDescription?.sdp ?? '',
    };
  }
}

// Latch is a promise that anyone may resolve, once.
export class Latch {
  constructor() {
    this.promise = new Promise((resolve) => { this.resolve = resolve; });
  }
}
