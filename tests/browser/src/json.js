import { CallError, Phone, constraints } from './phone.js';

// JSONPhone calls with the product's own drawbridge.js, loaded from the gateway as a customer's page does.
export class JSONPhone extends Phone {
  async register() {
    const { Drawbridge } = await import(this.account.library);
    this.line = new Drawbridge({ url: this.account.url, user: this.account.user, password: this.account.password, audio: constraints.audio, reconnect: false });
    this.line.on('incoming', (call) => {
      this.adopt(call);
      this.ringing.resolve({ from: call.peer });
    });
    try {
      await this.line.connect();
    } catch (error) {
      throw new CallError(error.status, error.message);
    }
  }

  adopt(call) {
    this.current = call;
    call.on('state', (state) => {
      if (state === 'ringing') this.progress.resolve({ status: 180 });
      if (state === 'ended') {
        this.ended.resolve({ by: call.endedBy === 'far' ? 'remote' : 'local', status: call.error?.status ?? 0, cause: call.error?.message ?? '' });
      }
    });
  }

  call(number) {
    this.adopt(this.line.call(number));
    return this.talking();
  }

  talking() {
    const call = this.current;
    return new Promise((resolve, reject) => {
      call.on('state', (state) => {
        if (state === 'talking') resolve();
        if (state === 'ended') reject(new CallError(call.error?.status ?? 0, call.error?.message ?? 'ended'));
      });
    });
  }

  answer() {
    const talking = this.talking();
    this.current.answer();
    return talking;
  }

  // dtmf goes by message: the gateway plays the digits.
  async dtmf(digits) { this.current.dtmf(digits); }

  hold(on) { return this.current.hold(on); }

  hangup(status) {
    this.current.hangup(status ? { status } : {});
    return this.ended.promise;
  }

  close() { this.line.close(); }

  get pc() { return this.current?.peerConnection; }
}
