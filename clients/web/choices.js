// What the person has allowed, and what this browser keeps of it. Nothing is inferred from a voice before they said so.

import { randomId } from "./affetto.js";

const KEY = "affetto.choices";
const TAB_KEY = "affetto.conversation";

const NONE = { decided: false, acoustic: false, age: false, gender: false, memory: false, backchannels: false, trace: false, person: "" };

export class Choices {
  #values = { ...NONE, ...read(localStorage, KEY) };

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
    localStorage.setItem(KEY, JSON.stringify(this.#values));
  }

  /** As `session.empathy` has it. Age and gender are read from the voice, so they go with it. */
  get empathy() {
    const { acoustic, age, gender, memory, backchannels, trace, person } = this.#values;
    const user = memory ? person : "";
    return { acoustic, age: acoustic && age, gender: acoustic && gender, memory, user, backchannels, trace };
  }

  forget() {
    this.#values = { ...NONE };
    localStorage.removeItem(KEY);
    keepConversation([]);
  }
}

/** What was said, for this tab only: it comes back after a reload, and goes with the tab. */
export function keptConversation() {
  const kept = read(sessionStorage, TAB_KEY);
  return Array.isArray(kept.history) ? kept.history : [];
}

export function keepConversation(history) {
  if (history.length) sessionStorage.setItem(TAB_KEY, JSON.stringify({ history: history.slice(-200) }));
  else sessionStorage.removeItem(TAB_KEY);
}

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key)) ?? {};
  } catch {
    return {}; // not ours, or of another version
  }
}
