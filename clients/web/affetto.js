// A small client of the realtime protocol, for browsers and Node 22. No dependencies; the page is built on it.
//
//   import { connect } from "./affetto.js";
//
//   const call = await connect({ session: { empathy: { events: true } } });
//   call.on("response.output_audio_transcript.done", ({ transcript }) => console.log(transcript));
//   call.say("I finally rang my brother after six years.");
//
// A line that breaks is taken up again: the session itself where the server kept it, else a new one that is told what
// was said. `call.on("state", ...)` tells how it stands: "open", "lost", "ended".

import { toBase64 } from "./pcm.js";

const DELAYS_MS = [300, 700, 1500, 3000, 5000];
const MOST_ATTEMPTS = 60;
const BUFFERED_BYTES = 512 * 1024; // of microphone audio that the network has not taken; beyond it sound is dropped
const MOST_WAITING = 20; // written turns that wait for the line to come back
const MOST_KEPT = 500; // sent events that the server may not have taken when the line breaks: 10 s of sound
const GONE = 410; // what a server may say to somebody who comes back: never of a new call
const FOR_GOOD = new Set([1000, 1001, 1008, 1009]); // closing codes after which the server wants no return

/** The call could not be opened; `status` is the server's HTTP status, 0 where none answered. The message is for people. */
export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/**
 * Open a call.
 * @param {object} options
 * @param {string} [options.url] of the server, e.g. "https://example.org"; a page's own by default
 * @param {string} [options.key] an API key or client secret, where the server asks for one
 * @param {object} [options.session] fields of `session.update`; those of `empathy` that the server lacks are left out
 * @param {Array<{id: string, role: string, text: string}>} [options.history] what was said before
 * @param {object} [options.ticket] of a call before this one (`call.ticket`), to go on with its session where that waits
 * @returns {Promise<Call>} rejected with Refused
 */
export async function connect(options = {}) {
  const call = new Call(options);
  await call.open();
  return call;
}

export class Call {
  #base;
  #key;
  #wanted;
  #socket = null;
  #handlers = new Map();
  #lastEvent = "";
  #responding = new Set();
  #sent = 0;
  #kept = []; // the last of what was sent to this session
  #waiting = [];
  #attempts = 0;
  #timer = 0;
  #closing = false;

  /** "new", "connecting", "open", "lost" or "ended". */
  state = "new";
  /** The session as the server last told it. */
  session = {};
  /** What was said: { id, role, text }. */
  history;

  constructor({ url = globalThis.location?.origin, key = "", session = {}, history = [], ticket = null } = {}) {
    this.#base = new URL(url.replace(/^ws/, "http"));
    this.#key = key;
    this.#wanted = session;
    this.history = [...history];
    if (ticket) this.#comeBack(ticket);
    const hurry = () => this.#timer && this.#again();
    globalThis.addEventListener?.("online", hurry);
    globalThis.document?.addEventListener("visibilitychange", hurry); // the timers of hidden pages are slow
  }

  /** Call the server; resolves once the session has begun. Rejects with Refused. */
  async open() {
    this.#enter("connecting");
    try {
      if (this.#token) await this.#dial({ resuming: true }).catch((refused) => this.#unknown(refused));
      if (this.state !== "open") await this.#dial();
    } catch (error) {
      this.#enter("ended", error.message);
      throw error;
    }
  }

  /** Hear events by type; "*" is all of them, "state" is how the line stands. Gives a function that ends it. */
  on(type, handler) {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  /** Send an event. Gives false where there is no line just now. */
  send(type, fields = {}) {
    if (this.state !== "open") return false;
    const text = JSON.stringify({ type, ...fields });
    this.#sent += 1;
    this.#kept.push(text);
    if (this.#kept.length > MOST_KEPT) this.#kept.shift();
    this.#socket.send(text);
    return true;
  }

  /** Change the session, key by key; this also holds for sessions after this one. */
  update(session) {
    this.#wanted = { ...this.#wanted, ...session, empathy: { ...this.#wanted.empathy, ...session.empathy } };
    this.send("session.update", { session: this.#known(session) });
  }

  /** Microphone audio: Int16Array, mono, 24 kHz. Dropped (false) while the network does not take it. */
  sendAudio(pcm) {
    if (this.state !== "open" || this.#socket.bufferedAmount > BUFFERED_BYTES) return false;
    return this.send("input_audio_buffer.append", { audio: toBase64(pcm) });
  }

  /** Take a turn in writing, and have it answered aloud or in writing. Gives the id of its item. */
  say(text, { spoken = false } = {}) {
    const id = `item_${randomId()}`;
    this.#keep({ id, role: "user", text });
    if (this.state === "open") this.#take({ id, text, spoken });
    else if (this.#waiting.length < MOST_WAITING) this.#waiting.push({ id, text, spoken });
    return id;
  }

  /** Stop the answer that is under way. */
  cancel() {
    if (this.#responding.size) this.send("response.cancel");
  }

  /** Whether an answer is under way. */
  get responding() {
    return this.#responding.size > 0;
  }

  /** What another page, or this one loaded again, needs to go on with the session; null where it cannot. */
  get ticket() {
    if (!this.#token || this.state === "ended") return null;
    return { id: this.session.id, token: this.#token, lastEvent: this.#lastEvent, responding: [...this.#responding] };
  }

  /** Tell how much of an answer has been heard. */
  reportPlayed(itemId, playedMs) {
    this.send("empathy.playback", { item_id: itemId, played_ms: playedMs });
  }

  /** End the call. */
  close() {
    this.#closing = true;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#socket?.close(1000);
    if (this.state !== "ended") this.#enter("ended", "");
  }

  // -- the line ------------------------------------------------------------------------------------

  /** Resolves when the session has begun, or goes on. */
  #dial({ resuming = false } = {}) {
    const url = new URL("/v1/realtime", this.#base);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, this.#protocols(resuming));
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.onmessage = ({ data }) => {
        this.#receive(JSON.parse(data));
        resolve();
      };
      socket.onclose = (closed) => {
        if (this.#socket !== socket) return;
        this.#socket = null;
        if (this.state === "open") this.#lose(closed);
        else whyNot(this.#base, this.#key, resuming).then(reject);
      };
      socket.onerror = () => this.state !== "open" && socket.onclose({}); // Node 20 says no more than that
    });
  }

  #protocols(resuming) {
    const offered = ["realtime"];
    if (this.#key) offered.push(`openai-insecure-api-key.${this.#key}`);
    if (resuming) offered.push(`affetto-resume.${this.#token}`, `affetto-last-event.${this.#lastEvent}`);
    return offered;
  }

  get #token() {
    return this.session.empathy?.resume_token;
  }

  #comeBack({ id, token, lastEvent, responding }) {
    this.session = { id, empathy: { resume_token: token } };
    this.#lastEvent = lastEvent;
    this.#responding = new Set(responding);
  }

  /** There is a server, but our session is not there any more: begin anew. Other refusals stay what they are. */
  #unknown(refused) {
    if (refused.status !== GONE) throw refused;
    this.session = {};
  }

  #lose({ code, reason }) {
    if (this.#closing) return;
    if (FOR_GOOD.has(code)) {
      this.#enter("ended", reason || "the server ended the call");
    } else {
      this.#attempts = 0;
      this.#enter("lost");
      this.#retry();
    }
  }

  #retry() {
    const delay = DELAYS_MS[Math.min(this.#attempts, DELAYS_MS.length - 1)];
    this.#timer = setTimeout(() => this.#again(), delay);
  }

  async #again() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#attempts += 1;
    const resuming = Boolean(this.#token);
    try {
      await this.#dial({ resuming });
    } catch (refused) {
      if (this.#closing) return;
      if (resuming && refused.status === GONE) this.session = {};
      if (this.#attempts < MOST_ATTEMPTS && refused.status !== 401) this.#retry();
      else this.#enter("ended", refused.message);
    }
  }

  // -- what comes ----------------------------------------------------------------------------------

  #receive(event) {
    this.#lastEvent = event.event_id ?? this.#lastEvent;
    if (event.type === "session.created") this.#begin(event.session);
    else if (event.type === "session.updated") this.session = event.session;
    this.#learn(event);
    this.#tell(event.type, event);
    this.#tell("*", event);
  }

  #begin(session) {
    const resumed = session.id === this.session.id;
    const again = this.state === "lost" || this.history.length > 0;
    const first = this.state === "connecting";
    this.session = session;
    this.state = "open";
    if (resumed) {
      this.#sendAgain(session.empathy.events_taken);
      if (first) this.send("session.update", { session: this.#known(this.#wanted) }); // it may have changed meanwhile
    } else {
      this.#sent = 0;
      this.#kept = [];
      this.#responding.clear();
      this.send("session.update", { session: this.#known(this.#wanted) });
      const waiting = new Set(this.#waiting.map(({ id }) => id));
      for (const said of this.history) if (!waiting.has(said.id)) this.#create(said);
    }
    this.#enter("open", again ? "again" : "");
    for (const turn of this.#waiting.splice(0)) this.#take(turn);
  }

  /** What the server had not taken in when the line broke. */
  #sendAgain(taken) {
    const missing = Math.min(this.#sent - taken, this.#kept.length);
    if (missing > 0) for (const text of this.#kept.slice(-missing)) this.#socket.send(text);
    this.#sent = Math.max(this.#sent, taken); // a call that came back by a ticket has counted none of them
  }

  #learn(event) {
    switch (event.type) {
      case "conversation.item.input_audio_transcription.completed":
        return event.transcript && this.#keep({ id: event.item_id, role: "user", text: event.transcript });
      case "response.created":
        return this.#responding.add(event.response.id);
      case "response.done":
        this.#responding.delete(event.response.id);
        for (const { id, content } of event.response.output) {
          const text = content[0]?.transcript ?? content[0]?.text;
          if (text) this.#keep({ id, role: "assistant", text });
        }
    }
  }

  #keep(said) {
    this.history = [...this.history.filter(({ id }) => id !== said.id), said];
  }

  #take({ id, text, spoken }) {
    this.cancel();
    this.#create({ id, role: "user", text });
    this.send("response.create", { response: { output_modalities: [spoken ? "audio" : "text"] } });
  }

  #create({ id, role, text }) {
    const type = role === "user" ? "input_text" : "output_text";
    this.send("conversation.item.create", { item: { id, type: "message", role, content: [{ type, text }] } });
  }

  /** Without the switches that this server does not have: it would refuse the whole update. */
  #known(session) {
    const has = this.session.empathy ?? {};
    const empathy = Object.fromEntries(Object.entries(session.empathy ?? {}).filter(([name]) => name in has));
    return { type: "realtime", ...session, empathy };
  }

  #enter(state, reason = "") {
    this.state = state;
    this.#tell("state", { state, reason });
  }

  #tell(type, event) {
    for (const handler of this.#handlers.get(type) ?? []) handler(event);
  }
}

/** Why a socket did not open, which sockets do not say: asked over HTTP. */
async function whyNot(base, key, resuming) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  try {
    const { status } = await fetch(new URL("/v1/models", base), { headers });
    if (status === 401) return new Refused("This server asks for a key, and this is not one of its keys.", 401);
    if (status === 429) return new Refused("There are too many calls from here; try again soon.", 429);
    const ready = await fetch(new URL("/ready", base));
    if (!ready.ok) return new Refused("The server is busy or still starting; try again soon.", 503);
    if (resuming) return new Refused("The session is over.", GONE);
    return new Refused("The server did not take the call: there may be too many from here, or something between us lets no WebSocket through.", 403);
  } catch {
    return new Refused("The server does not answer.");
  }
}

/** 80 random bits; `crypto.randomUUID` is only there in secure contexts. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
