// What the person has allowed. Nothing is inferred from a voice before they said so.

import { randomId } from "./affetto.js";
import { drop, read, write } from "./storage.js";

const KEY = "affetto.choices";

const NONE = { decided: false, acoustic: false, age: false, gender: false, memory: false, backchannels: false, trace: false, person: "" };

export class Choices {
  #values = { ...NONE, ...read("local", KEY) };

  /** `onElsewhere()`: another tab of this browser has changed them; they hold here, too. */
  constructor({ onElsewhere } = {}) {
    addEventListener("storage", ({ key }) => {
      if (key !== KEY && key !== null) return;
      this.#values = { ...NONE, ...read("local", KEY) };
      onElsewhere?.();
    });
  }

  /** Whether the person was told and has answered. */
  get decided() {
    return this.#values.decided;
  }

  get(name) {
    return this.#values[name];
  }

  /** Take a decision; memory needs a name to be kept under, which says nothing about the person. */
  set(name, value) {
    this.#values = { ...this.#values, [name]: value };
    if (name === "memory" && value && !this.#values.person) this.#values.person = randomId();
    write("local", KEY, this.#values);
  }

  /** As `session.empathy` has it. Age and gender are read from the voice, so they go with it. */
  get empathy() {
    const { acoustic, age, gender, memory, backchannels, trace, person } = this.#values;
    const user = memory ? person : "";
    return { acoustic, age: acoustic && age, gender: acoustic && gender, memory, user, backchannels, trace };
  }

  forget() {
    this.#values = { ...NONE };
    drop("local", KEY);
  }
}
