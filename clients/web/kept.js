// What this tab keeps of a conversation, so that it comes back after a reload: what was said, what was heard in the voice,
// why an answer is what it is, and how to take up the session. It goes with the tab.

import { drop, read, write } from "./storage.js";

const KEY = "affetto.conversation";
const MOST = 200; // items
const MOST_CUES = 12; // readings of the voice: what the picture shows

export class Kept {
  /** What was said: { id, role, text }. */
  history = [];
  /** What was made of it, by item: { cues, empathy, afterMs }. */
  notes = {};
  /** The last readings of the voice, oldest first. */
  cues = [];
  /** The way back into the session, once: see `Call.ticket`. */
  ticket = null;

  constructor() {
    const { ticket = null, ...rest } = read("session", KEY);
    this.ticket = ticket;
    if (Array.isArray(rest.history)) Object.assign(this, rest);
    if (ticket) this.#keep(); // a copy of this tab must not come back to the session as well
  }

  said(history) {
    this.history = history.slice(-MOST);
    const ids = new Set(this.history.map(({ id }) => id));
    this.notes = Object.fromEntries(Object.entries(this.notes).filter(([id]) => ids.has(id)));
    this.#keep();
  }

  note(id, fields) {
    this.notes[id] = { ...this.notes[id], ...fields };
  }

  heard(cues) {
    this.cues = [...this.cues, cues].slice(-MOST_CUES);
    if (cues.item_id) this.note(cues.item_id, { cues });
  }

  /** The person allows no reading of the voice any more: what was read of it goes. */
  forgetVoice() {
    this.cues = [];
    for (const note of Object.values(this.notes)) delete note.cues;
    this.#keep();
  }

  /** The page goes; it may come back. */
  leave(ticket) {
    this.#keep(ticket);
  }

  clear() {
    Object.assign(this, { history: [], notes: {}, cues: [], ticket: null });
    drop("session", KEY);
  }

  #keep(ticket = null) {
    const { history, notes, cues } = this;
    if (history.length || ticket) write("session", KEY, { history, notes, cues, ticket });
  }
}
