// The way to a phone that echoes and back, on the clock of one page. Chirps take the place of the microphone; they are looked for in the
// stream that the browser's encoder is given, and in the one that its decoder gives back. What sound hardware would add is in neither.

const rate = 48000;
const chirpSeconds = 0.03;
const pause = 0.6; // seconds between chirps; one that comes later is not found
const alike = 0.4; // correlation of what is taken for a chirp

export class Echo {
  constructor() {
    this.context = new AudioContext({ sampleRate: rate });
    this.microphone = this.context.createMediaStreamDestination();
    this.chirp = this.context.createBuffer(1, chirpSeconds * rate, rate);
    const x = this.chirp.getChannelData(0);
    for (let i = 0; i < x.length; i++) { // 500 to 3000 Hz: within the band of the telephone
      const t = i / rate;
      x[i] = 0.5 * Math.sin(Math.PI * i / x.length) * Math.sin(2 * Math.PI * (500 * t + 2500 * t * t / (2 * chirpSeconds)));
    }
  }

  // speak gives the page this microphone instead of the browser's.
  speak() {
    this.hum();
    navigator.mediaDevices.getUserMedia = async () => this.microphone.stream.clone();
  }

  // hum is room noise, far below the chirps: a microphone is never without, and a destination without a source sends nothing.
  hum() {
    const room = this.context.createBuffer(1, rate, rate);
    const x = room.getChannelData(0);
    for (let i = 0; i < x.length; i++) x[i] = 6e-4 * (Math.random() - 0.5);
    const source = this.context.createBufferSource();
    source.buffer = room;
    source.loop = true;
    source.connect(this.microphone);
    source.start();
  }

  // measure sends chirps through the call and resolves with the delay of each that came back, in ms.
  async measure(pc, count) {
    const stream = new MediaStream(pc.getReceivers().map((r) => r.track));
    const audio = new Audio(); // without it Chromium does not pull the stream through its decoder
    audio.srcObject = stream;
    await audio.play();
    await sleep(1500); // the browser's jitter buffer finds its depth
    const near = new Listener(pc.getSenders()[0].track);
    const far = new Listener(stream.getAudioTracks()[0]);
    for (let i = 0; i < count; i++) {
      const source = this.context.createBufferSource();
      source.buffer = this.chirp;
      source.connect(this.microphone);
      source.start();
      await sleep(1000 * pause + 40 * Math.random()); // at every phase of a frame
    }
    near.stop();
    far.stop();
    return delays(near.samples(), far.samples(), this.chirp.getChannelData(0));
  }
}

// Listener keeps what a track carries, and when.
class Listener {
  constructor(track) {
    this.blocks = []; // { at, samples }
    this.reader = new MediaStreamTrackProcessor({ track: track.clone(), maxBufferSize: 100 }).readable.getReader();
    this.listen();
  }

  async listen() {
    for (;;) {
      const { done, value } = await this.reader.read();
      if (done) return;
      const at = performance.now();
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      this.blocks.push({ at, samples: stretched(samples, rate / value.sampleRate) });
      value.close();
    }
  }

  stop() { this.reader.cancel(); }

  // samples puts the blocks together. at(i) is when sample i came: what the page was late for one block, it was not for most.
  samples() {
    const out = new Float32Array(this.blocks.reduce((n, b) => n + b.samples.length, 0));
    let n = 0;
    const starts = [];
    for (const b of this.blocks) {
      starts.push(b.at - n / rate * 1000);
      out.set(b.samples, n);
      n += b.samples.length;
    }
    const start = starts.sort((a, b) => a - b)[starts.length >> 1];
    return { wave: out, at: (i) => start + i / rate * 1000 };
  }
}

// stretched repeats samples: a decoder of the telephone gives 8000 a second.
function stretched(samples, times) {
  return times === 1 ? samples : Float32Array.from({ length: samples.length * times }, (_, i) => samples[Math.floor(i / times)]);
}

// delays finds each chirp of near in far.
function delays(near, far, chirp) {
  const out = [];
  const step = pause * rate;
  for (let i = 0; i + chirp.length < near.wave.length;) {
    const sent = find(near.wave, i, step, chirp);
    if (sent === null) {
      i += step - chirp.length;
      continue;
    }
    const from = Math.round((near.at(sent) - far.at(0)) / 1000 * rate);
    const back = find(far.wave, Math.max(from, 0), step, chirp);
    if (back !== null) out.push(far.at(back) - near.at(sent));
    i = sent + step - chirp.length;
  }
  return out;
}

// find is where the chirp is found best among so many places behind from; null when there is nothing like it.
function find(wave, from, places, chirp) {
  let best = 0, where = null;
  for (let at = from; at < from + places && at + chirp.length < wave.length; at++) {
    let sum = 0, energy = 1e-9, heard = 1e-9;
    for (let i = 0; i < chirp.length; i += 3) { // 16 kHz is enough
      const x = chirp[i], y = wave[at + i];
      sum += x * y;
      energy += x * x;
      heard += y * y;
    }
    const match = heard < 1e-2 * energy ? 0 : Math.abs(sum) / Math.sqrt(energy * heard);
    if (match > best) { best = match; where = at; }
  }
  return best > alike ? where : null;
}

function sleep(ms) { return new Promise((resolve) => { setTimeout(resolve, ms); }); }
