// What both sides say, as it is said; of an answer, the words that were heard.

import { make } from "./dom.js";
import { Words } from "./words.js";

const NEAR_PX = 80; // so close to the end, the list follows what comes

class Entry {
  constructor(id, side, name) {
    this.said = make("p", { class: "said" });
    this.element = make("li", { class: `entry ${side}`, "data-item": id }, make("p", { class: "who" }, name), this.said);
  }

  /** Put something below the words: how they sounded, what was made of them. */
  attach(element) {
    this.element.append(element);
  }
}

class Yours extends Entry {
  constructor(id) {
    super(id, "you", "You");
    this.element.classList.add("open");
  }

  get open() {
    return this.element.classList.contains("open");
  }

  more(text) {
    this.said.append(text);
  }

  close(text) {
    this.element.classList.remove("open");
    this.said.textContent = text;
  }

  get how() {
    return this.element.querySelector(".how")?.textContent ?? "";
  }

  /** How it sounded, in words; none where they are empty. */
  set how(text) {
    this.element.querySelector(".how")?.remove();
    if (text) this.attach(make("p", { class: "how" }, text));
  }
}

class Ours extends Entry {
  #words = new Words();
  #spans = [];
  #heard = 0;
  #cut = false;

  constructor(id) {
    super(id, "ours", "Affetto");
  }

  get words() {
    return this.#words;
  }

  more(text) {
    this.#words.add(text);
    for (const { text: word } of this.#words.list.slice(this.#spans.length)) {
      const span = make("span", { class: "word" }, word);
      this.said.append(this.#spans.length ? " " : "", span);
      this.#spans.push(span);
    }
  }

  /** So much of its sound has come out. Once it is cut off, the server's word holds: a report may come late. */
  played(ms) {
    if (!this.#cut) this.#mark(this.#words.heard(ms));
  }

  /** Written, or heard to its end. */
  whole() {
    this.#mark(this.#spans.length);
  }

  /** Broken off after so many words. */
  cut(count) {
    for (const span of this.#spans) span.classList.remove("heard");
    this.#cut = true;
    this.#heard = 0;
    this.#mark(count);
    const lost = this.#spans.length - this.#heard;
    if (!lost) return;
    this.element.classList.add("cut");
    this.attach(make("p", { class: "note" }, this.#heard ? "You spoke here; the rest was not said." : "Not said: you went on."));
  }

  #mark(count) {
    for (const span of this.#spans.slice(this.#heard, count)) span.classList.add("heard");
    this.#heard = Math.max(this.#heard, count);
  }
}

export class Captions {
  #list;
  #entries = new Map();

  /** `list` is the <ol> that holds them. */
  constructor(list) {
    this.#list = list;
  }

  get empty() {
    return this.#entries.size === 0;
  }

  /** The entry of an item, if there is one. */
  of(id) {
    return this.#entries.get(id);
  }

  /** What was said before, all of it heard. */
  restore(history) {
    for (const { id, role, text } of history) {
      if (role === "user") this.yours(id).close(text);
      else this.written(id, text);
    }
  }

  /** Nothing that was heard in the voice is shown any more. */
  forgetVoice() {
    for (const entry of this.#entries.values()) if (entry.how) entry.how = "";
  }

  /** Your words under this item; the entry is made when it is asked for first. */
  yours(id) {
    return this.#entry(id, Yours);
  }

  /** Our answer under this item. */
  ours(id) {
    return this.#entry(id, Ours);
  }

  written(id, text) {
    const entry = this.ours(id);
    entry.more(text);
    entry.whole();
  }

  remove(id) {
    this.#entries.get(id)?.element.remove();
    this.#entries.delete(id);
  }

  /** Nothing more will come for what is open. */
  settle() {
    for (const [id, entry] of this.#entries) if (entry.open && !entry.said.textContent) this.remove(id);
    for (const entry of this.#entries.values()) entry.element.classList.remove("open");
  }

  clear() {
    this.#entries.clear();
    this.#list.replaceChildren();
  }

  /** Keep the newest in sight, unless the person looks at something older. */
  follow(change) {
    const box = this.#list.parentElement;
    const near = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    change();
    if (near) box.scrollTop = box.scrollHeight;
  }

  #entry(id, Kind) {
    const known = this.#entries.get(id);
    if (known) return known;
    const entry = new Kind(id);
    this.#entries.set(id, entry);
    this.#list.append(entry.element);
    return entry;
  }
}
