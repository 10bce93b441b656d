// Runs on the audio thread: the microphone in blocks of 20 ms, and the loudspeaker's playout.

import { RATE_HZ } from "./pcm.js";
import { Playout } from "./playout.js";
import { Resampler } from "./resampler.js";

const BLOCK = RATE_HZ / 50;
const REPORT = RATE_HZ / 20; // samples between two reports of the position, 50 ms

class Microphone extends AudioWorkletProcessor {
  #resampler = sampleRate === RATE_HZ ? null : new Resampler(sampleRate, RATE_HZ);
  #block = new Int16Array(BLOCK);
  #filled = 0;

  process([input]) {
    const heard = input[0];
    if (heard) for (const sample of this.#resampler ? this.#resampler.process(heard) : heard) this.#push(sample);
    return true;
  }

  #push(sample) {
    this.#block[this.#filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
    if (this.#filled < BLOCK) return;
    this.port.postMessage(this.#block, [this.#block.buffer]);
    this.#block = new Int16Array(BLOCK);
    this.#filled = 0;
  }
}

class Loudspeaker extends AudioWorkletProcessor {
  #playout = new Playout();
  #since = 0;
  #told = "";

  constructor() {
    super();
    this.port.onmessage = ({ data: [order, ...given] }) => this.#playout[order](...given);
  }

  process(inputs, [output]) {
    this.#playout.fill(output[0]);
    for (const channel of output.slice(1)) channel.set(output[0]);
    this.#since += output[0].length;
    this.#report();
    return true;
  }

  /** Often while something sounds, and at once when it begins or stops. */
  #report() {
    const { item, played, sounding, waiting, gaps } = this.#playout;
    const news = `${item} ${sounding}`;
    if (news === this.#told && (!sounding || this.#since < REPORT)) return;
    this.#told = news;
    this.#since = 0;
    this.port.postMessage({ item, playedMs: Math.floor((played * 1000) / RATE_HZ), sounding, waiting, gaps });
  }
}

registerProcessor("affetto-microphone", Microphone);
registerProcessor("affetto-loudspeaker", Loudspeaker);
