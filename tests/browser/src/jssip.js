import JsSIP from 'jssip';
import { allow } from './peer.js';
import { CallError, Phone, constraints } from './phone.js';

export class JsSIPPhone extends Phone {
  constructor(account) {
    super(account);
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(account.url)],
      uri: `sip:${account.user}@${account.domain}`,
      password: account.password,
      register: false,
      connection_recovery_max_interval: 2,
    });
    this.ua.on('newRTCSession', ({ session, originator }) => this.adopt(session, originator));
  }

  register() {
    return new Promise((resolve, reject) => {
      this.ua.on('registered', () => resolve());
      this.ua.on('registrationFailed', ({ response, cause }) => reject(new CallError(response?.status_code ?? 0, cause)));
      this.ua.on('disconnected', ({ error, reason }) => { if (error) reject(new CallError(0, reason)); });
      this.ua.on('connected', () => this.ua.register());
      this.ua.start();
    });
  }

  adopt(session, originator) {
    this.session = session;
    session.on('sdp', (event) => {
      if (this.mangle && event.originator === 'local') event.sdp = this.mangle(event.sdp);
    });
    if (originator === 'remote') {
      this.ringing.resolve({ from: session.remote_identity.uri.user });
    }
    session.on('progress', ({ originator: by, response }) => {
      if (by === 'remote') this.progress.resolve({ status: response.status_code });
    });
    session.on('ended', ({ originator: by, message, cause }) => this.ended.resolve({ by, status: statusOf(message), cause }));
    session.on('failed', ({ originator: by, message, cause }) => this.ended.resolve({ by, status: statusOf(message), cause }));
  }

  // call calls a number; in the place of another call when replaces names one.
  call(number, replaces) {
    return new Promise((resolve, reject) => {
      this.ua.call(`sip:${number}@${this.account.domain}`, {
        mediaConstraints: constraints,
        pcConfig: { iceServers: [] },
        extraHeaders: replaces ? [`Replaces: ${replaces}`] : [],
        eventHandlers: {
          confirmed: () => resolve(),
          failed: ({ message, cause }) => reject(new CallError(statusOf(message), cause)),
        },
      });
    });
  }

  // dialog names the call for Replaces (RFC 3891): the receiver's tag is the one called "to".
  dialog() {
    const { call_id: call, local_tag: local, remote_tag: remote } = this.session._dialog.id;
    return `${call};to-tag=${remote};from-tag=${local}`;
  }

  answer() {
    return new Promise((resolve) => {
      this.session.on('confirmed', () => resolve());
      this.session.answer({ mediaConstraints: constraints, pcConfig: { iceServers: [] } });
    });
  }

  hold(on) {
    return new Promise((resolve, reject) => {
      const started = on ? this.session.hold({}, resolve) : this.session.unhold({}, resolve);
      if (!started) reject(new Error('the session is not ready for a re-INVITE'));
    });
  }

  // renegotiate sends a re-INVITE, with other codecs or with ICE begun anew.
  renegotiate({ codecs, restart = false }) {
    if (codecs) allow(codecs);
    return new Promise((resolve, reject) => {
      const started = this.session.renegotiate({ rtcOfferConstraints: { iceRestart: restart } }, resolve);
      if (!started) reject(new Error('the session is not ready for a re-INVITE'));
    });
  }

  // hangup sends BYE, CANCEL or a refusal, as the call's state asks for.
  hangup(status) {
    this.session.terminate(status ? { status_code: status } : {});
    return this.ended.promise;
  }

  close() { this.ua.stop(); }

  get pc() { return this.session?.connection; }
}

function statusOf(message) {
  return message?.status_code ?? 0;
}
