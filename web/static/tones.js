// tones.js: the sounds of a phone, made in the browser: keys, ring-back, the bell.

const keys = {
  1: [697, 1209], 2: [697, 1336], 3: [697, 1477], 4: [770, 1209], 5: [770, 1336], 6: [770, 1477],
  7: [852, 1209], 8: [852, 1336], 9: [852, 1477], '*': [941, 1209], 0: [941, 1336], '#': [941, 1477],
};

export class Tones {
  #context = null;
  #stop = null;

  // A page may play from the first click on; before that the context waits.
  get #audio() {
    this.#context ??= new AudioContext();
    this.#context.resume().catch(() => {});
    return this.#context;
  }

  /** A key's own two tones, for a tenth of a second. */
  key(digit) {
    if (keys[digit]) this.#beep(keys[digit], this.#audio.currentTime, 0.1, 0.05);
  }

  /** What a caller hears while the far side rings: 425 Hz, one second in five (ITU-T E.180). */
  ringback() {
    this.#repeat(5, (at) => this.#beep([425], at, 1, 0.06));
  }

  /** The bell of an incoming call: two short chords, every three seconds. */
  bell() {
    this.#repeat(3, (at) => {
      for (const [i, chord] of [[659, 831], [784, 988], [659, 831], [784, 988]].entries()) this.#beep(chord, at + i * 0.22, 0.18, 0.12);
    });
  }

  /** Two falling notes: the call is over. */
  goodbye() {
    const at = this.#audio.currentTime;
    this.#beep([520], at, 0.09, 0.06);
    this.#beep([390], at + 0.12, 0.14, 0.06);
  }

  quiet() {
    this.#stop?.();
    this.#stop = null;
  }

  #repeat(seconds, play) {
    this.quiet();
    const gain = this.#gain = new GainNode(this.#audio);
    gain.connect(this.#audio.destination);
    play(this.#audio.currentTime + 0.05);
    const timer = setInterval(() => play(this.#audio.currentTime), seconds * 1000);
    this.#stop = () => {
      clearInterval(timer);
      gain.disconnect();
      if (this.#gain === gain) this.#gain = null;
    };
  }

  #gain = null; // what the repeated tone plays into, so that it can be cut off

  #beep(frequencies, at, seconds, volume) {
    const audio = this.#audio;
    const envelope = new GainNode(audio, { gain: 0 });
    envelope.gain.setTargetAtTime(volume, at, 0.008);
    envelope.gain.setTargetAtTime(0, at + seconds, 0.02);
    envelope.connect(this.#gain ?? audio.destination);
    for (const frequency of frequencies) {
      const osc = new OscillatorNode(audio, { frequency });
      osc.connect(envelope);
      osc.start(at);
      osc.stop(at + seconds + 0.2);
    }
  }
}
