// Ear listens to what the browser plays. RTP counters lie; a tone found in the decoded samples does not.

const windowSize = 8192; // 171 ms at 48 kHz, a resolution of 6 Hz

export class Ear {
  constructor(stream) {
    // Without a media element Chromium does not pull a remote stream through its decoder.
    this.audio = new Audio();
    this.audio.srcObject = stream;
    this.audio.play();
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = windowSize;
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.samples = new Float32Array(windowSize);
  }

  // hear measures the last window: rms of everything, and the share of its power that is the tone.
  hear(frequency) {
    this.analyser.getFloatTimeDomainData(this.samples);
    const step = (2 * Math.PI * frequency) / this.context.sampleRate;
    let re = 0, im = 0, power = 0, weight = 0;
    for (let i = 0; i < windowSize; i++) {
      const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (windowSize - 1));
      const x = this.samples[i];
      re += x * hann * Math.cos(step * i);
      im += x * hann * Math.sin(step * i);
      power += x * x;
      weight += hann;
    }
    power /= windowSize;
    const tone = 2 * (re * re + im * im) / (weight * weight);
    return { rms: Math.sqrt(power), share: power > 0 ? tone / power : 0 };
  }

  // until polls hear until judge is content. It resolves with the measurement, and after limit ms with the last one and ok false.
  until(frequency, judge, limit) {
    const deadline = performance.now() + limit;
    return new Promise((resolve) => {
      const look = () => {
        const heard = this.hear(frequency);
        const ok = judge(heard);
        if (ok || performance.now() > deadline) resolve({ ...heard, ok });
        else setTimeout(look, 40);
      };
      look();
    });
  }

  close() {
    this.audio.pause();
    this.audio.srcObject = null;
    this.context.close();
  }
}
