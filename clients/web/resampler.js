// Microphones that only run at a rate of their own: a streaming windowed-sinc resampler to 24 kHz.

const HALF_WIDTH = 16; // zero crossings on each side; -60 dB beyond the transition band

export class Resampler {
  #ratio;
  #cutoff;
  #history = [];
  #position = 0; // of the next output sample, in input samples from the history's start

  constructor(fromHz, toHz) {
    this.#ratio = fromHz / toHz;
    this.#cutoff = Math.min(1, toHz / fromHz);
  }

  /** The output that this input (Float32Array) completes, as an array of numbers. */
  process(input) {
    const history = this.#history;
    for (const sample of input) history.push(sample);
    const reach = HALF_WIDTH / this.#cutoff;
    const output = [];
    for (; this.#position + reach < history.length; this.#position += this.#ratio) {
      output.push(this.#at(this.#position, reach));
    }
    const done = Math.max(0, Math.floor(this.#position - reach));
    history.splice(0, done);
    this.#position -= done;
    return output;
  }

  #at(position, reach) {
    let sum = 0;
    const last = Math.min(this.#history.length - 1, Math.floor(position + reach));
    for (let i = Math.max(0, Math.ceil(position - reach)); i <= last; i++) {
      const x = (i - position) * this.#cutoff;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / HALF_WIDTH);
      sum += this.#history[i] * sinc * window;
    }
    return sum * this.#cutoff;
  }
}
