import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from 'sip.js';
import { CallError, Phone, constraints } from './phone.js';

export class SIPjsPhone extends Phone {
  constructor(account) {
    super(account);
    this.ua = new UserAgent({
      uri: UserAgent.makeURI(`sip:${account.user}@${account.domain}`),
      transportOptions: { server: account.url },
      authorizationUsername: account.user,
      authorizationPassword: account.password,
      logLevel: 'error',
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
      delegate: { onInvite: (invitation) => this.invited(invitation) },
    });
    this.registerer = new Registerer(this.ua);
  }

  async register() {
    await this.ua.start();
    return new Promise((resolve, reject) => {
      this.registerer.stateChange.addListener((state) => {
        if (state === RegistererState.Registered) resolve();
      });
      this.registerer.register({
        requestDelegate: { onReject: ({ message }) => reject(new CallError(message.statusCode, message.reasonPhrase)) },
      });
    });
  }

  invited(invitation) {
    this.adopt(invitation);
    invitation.delegate = { ...invitation.delegate, onCancel: () => this.ended.resolve({ by: 'remote', status: 487 }) };
    this.ringing.resolve({ from: invitation.remoteIdentity.uri.user });
    invitation.progress();
  }

  adopt(session) {
    this.session = session;
    session.delegate = { onBye: (bye) => { bye.accept(); this.ended.resolve({ by: 'remote', status: 0 }); } };
    session.stateChange.addListener((state) => {
      if (state === SessionState.Terminated) this.ended.resolve({ by: 'local', status: 0 });
    });
  }

  call(number) {
    const target = UserAgent.makeURI(`sip:${number}@${this.account.domain}`);
    const inviter = new Inviter(this.ua, target, { sessionDescriptionHandlerOptions: { constraints } });
    this.adopt(inviter);
    return new Promise((resolve, reject) => {
      inviter.stateChange.addListener((state) => { if (state === SessionState.Established) resolve(); });
      inviter.invite({
        requestDelegate: {
          onProgress: ({ message }) => this.progress.resolve({ status: message.statusCode }),
          onReject: ({ message }) => reject(new CallError(message.statusCode, message.reasonPhrase)),
        },
      }).catch(reject);
    });
  }

  async answer() {
    const established = new Promise((resolve) => {
      this.session.stateChange.addListener((state) => { if (state === SessionState.Established) resolve(); });
    });
    await this.session.accept({ sessionDescriptionHandlerOptions: { constraints } });
    await established;
  }

  hold(on) {
    this.session.sessionDescriptionHandlerOptionsReInvite = { constraints, hold: on };
    return new Promise((resolve, reject) => {
      this.session.invite({
        requestDelegate: {
          onAccept: () => resolve(),
          onReject: ({ message }) => reject(new CallError(message.statusCode, message.reasonPhrase)),
        },
      }).catch(reject);
    });
  }

  hangup(status) {
    switch (this.session.state) {
      case SessionState.Initial:
      case SessionState.Establishing:
        if (this.session instanceof Inviter) this.session.cancel();
        else this.session.reject({ statusCode: status || 480 });
        break;
      case SessionState.Established:
        this.session.bye();
    }
    return this.ended.promise;
  }

  close() { this.ua.stop(); }

  get pc() { return this.session?.sessionDescriptionHandler?.peerConnection; }
}
