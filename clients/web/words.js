// Which words of an answer have been heard: its words on the timeline of its sound. Pure.

const CHARS_A_SECOND = 15; // of speech, where nothing better is known

/** Words of one answer, as they come, with the time at which each has sounded. */
export class Words {
  /** { text, phrase, endMs } in order; `endMs` is NaN where the synthesizer told no time. */
  list = [];
  #phrases = []; // { startMs, endMs, from, to } in sound and in words
  #soundMs = 0;
  #timedChars = 0;

  /** More words: those of the phrase whose sound comes next. */
  add(text) {
    const words = text.split(/\s+/).filter(Boolean);
    if (!words.length) return;
    this.#close();
    const from = this.list.length;
    const phrase = this.#phrases.length;
    for (const word of words) this.list.push({ text: word, phrase, endMs: NaN });
    this.#phrases.push({ startMs: this.#soundMs, endMs: NaN, from, to: this.list.length });
  }

  /** So much more of its sound has come. */
  sound(ms) {
    this.#soundMs += ms;
  }

  /** Times of the next words, from `empathy.words`: matched by letters, as words may be cut differently. */
  time(timed) {
    for (const { text, end_ms } of timed) {
      this.#timedChars += text.replace(/\s+/g, "").length;
      let chars = 0;
      for (const word of this.list) {
        chars += word.text.length;
        if (chars > this.#timedChars) break;
        if (Number.isNaN(word.endMs)) word.endMs = end_ms;
      }
    }
  }

  /** All of its sound has come. */
  end() {
    this.#close();
  }

  /** How many words have been heard when so much of the sound has been played. */
  heard(playedMs) {
    const next = this.list.findIndex((_, index) => this.#endOf(index) > playedMs);
    return next < 0 ? this.list.length : next;
  }

  get text() {
    return this.list.map(({ text }) => text).join(" ");
  }

  #close() {
    const last = this.#phrases.at(-1);
    if (last && Number.isNaN(last.endMs)) last.endMs = this.#soundMs;
  }

  /** When a word has sounded: as told, else in proportion to the letters of its phrase. */
  #endOf(index) {
    const word = this.list[index];
    if (!Number.isNaN(word.endMs)) return word.endMs;
    const phrase = this.#phrases[word.phrase];
    const lengths = this.list.slice(phrase.from, phrase.to).map(({ text }) => text.length + 1);
    const all = sum(lengths);
    const share = sum(lengths.slice(0, index - phrase.from + 1)) / all;
    const guess = phrase.startMs + (all / CHARS_A_SECOND) * 1000;
    const endMs = Number.isNaN(phrase.endMs) ? Math.max(guess, this.#soundMs) : phrase.endMs;
    return phrase.startMs + share * (endMs - phrase.startMs);
  }
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
