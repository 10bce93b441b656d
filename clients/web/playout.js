// What comes out of the loudspeaker: filled by events, emptied block by block at the sound card's pace. Pure; the same
// rules as clients/playout.py.

import { RATE_HZ } from "./pcm.js";

const DUCK_GAIN = 0.126; // -18 dB: plainly lower, still there
const RAMP = RATE_HZ / 50; // a gain ramp of 20 ms feels instant and does not click

export class Playout {
  #queue = []; // { item, pcm, at }
  #murmurs = [];
  #waiting = 0;
  #whole = true;
  #held = false;
  #running = false;
  #gain = 1;
  #target = 1;
  #jitter;

  /** The answer that sounds, or sounded last, and how many samples of it have come out. */
  item = "";
  played = 0;
  /** How often an answer ran dry before its end. */
  gaps = 0;

  /** `jitterMs` of an answer must be there before it begins to sound. */
  constructor({ jitterMs = 60 } = {}) {
    this.#jitter = (jitterMs * RATE_HZ) / 1000;
  }

  get waiting() {
    return this.#waiting;
  }

  get sounding() {
    return this.#running && !this.#held;
  }

  add(item, pcm) {
    this.#queue.push({ item, pcm, at: 0 });
    this.#waiting += pcm.length;
    this.#whole = false;
  }

  /** The answer has come whole: what is left of it need not wait for more. */
  end() {
    this.#whole = true;
  }

  /** A small sound of listening; it goes on top. */
  murmur(pcm) {
    this.#murmurs.push({ pcm, at: 0 });
  }

  duck() {
    this.#target = DUCK_GAIN;
  }

  hold() {
    this.#held = true;
  }

  resume() {
    this.#held = false;
    this.#target = 1;
  }

  /** Throw away what was not played. */
  flush() {
    this.#queue = [];
    this.#murmurs = [];
    this.#waiting = 0;
    this.#whole = true;
    this.#running = this.#held = false;
    this.#gain = this.#target = 1;
  }

  /** Write the next samples into a Float32Array: silence where there are none. */
  fill(block) {
    block.fill(0);
    let at = 0;
    while (at < block.length && this.#mayPlay()) at = this.#copy(block, at);
    if (this.#running && !this.#queue.length) {
      this.#running = false;
      if (!this.#whole) this.gaps += 1;
    }
    this.#applyGain(block);
    this.#mix(block);
  }

  #mayPlay() {
    if (!this.#queue.length || this.#held) return false;
    this.#running ||= this.#whole || this.#waiting >= this.#jitter;
    return this.#running;
  }

  #copy(block, at) {
    const piece = this.#queue[0];
    const count = Math.min(block.length - at, piece.pcm.length - piece.at);
    for (let i = 0; i < count; i++) block[at + i] = piece.pcm[piece.at + i] / 32768;
    piece.at += count;
    if (piece.at === piece.pcm.length) this.#queue.shift();
    if (piece.item !== this.item) {
      this.item = piece.item;
      this.played = 0;
    }
    this.played += count;
    this.#waiting -= count;
    return at + count;
  }

  #applyGain(block) {
    if (this.#gain === 1 && this.#target === 1) return;
    const step = 1 / RAMP;
    for (let i = 0; i < block.length; i++) {
      const left = this.#target - this.#gain;
      this.#gain += Math.sign(left) * Math.min(step, Math.abs(left));
      block[i] *= this.#gain;
    }
  }

  #mix(block) {
    let at = 0;
    while (at < block.length && this.#murmurs.length) {
      const piece = this.#murmurs[0];
      const count = Math.min(block.length - at, piece.pcm.length - piece.at);
      for (let i = 0; i < count; i++) block[at + i] += piece.pcm[piece.at + i] / 32768;
      at += count;
      piece.at += count;
      if (piece.at === piece.pcm.length) this.#murmurs.shift();
    }
  }
}
