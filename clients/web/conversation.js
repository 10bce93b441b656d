// One conversation as the page has it: a call, its sound, and what of it is shown. Knows nothing of buttons.

import { Loudspeaker, Microphone } from "./audio.js";
import { connect } from "./affetto.js";
import { chain } from "./chain.js";
import { summary } from "./affect.js";
import { make } from "./dom.js";
import { RATE_HZ } from "./pcm.js";

const REPORT_MS = 100;

export class Conversation {
  #choices;
  #captions;
  #affect;
  #onPhase;
  #onProblem;
  #onWritten;
  #keep;
  #acoustic = null;
  #call = null;
  #microphone = null;
  #speaker = null;
  #muted = false;
  #hearing = false;
  #sounding = "";
  #held = false;
  #due = false;
  #current = null; // the answer that comes or sounds: { item, since, begun }
  #since = 0; // when the person had finished
  #sent = { session: "", ms: 0 }; // microphone audio that the session has been given
  #reportedAt = 0;
  #last = "";

  /** `history` is what was said before; hooks: onPhase(phase, reason), onProblem(message), onWritten(text), keep(history). */
  constructor({ choices, captions, affect, history, onPhase, onProblem, onWritten, keep, key }) {
    Object.assign(this, { history, key, level: 0, gaps: 0 });
    this.#choices = choices;
    this.#acoustic = choices.decided ? choices.get("acoustic") : null;
    this.#captions = captions;
    this.#affect = affect;
    this.#onPhase = onPhase;
    this.#onProblem = onProblem;
    this.#onWritten = onWritten;
    this.#keep = keep;
  }

  get live() {
    return this.#call !== null;
  }

  get talking() {
    return this.#microphone !== null;
  }

  get muted() {
    return this.#muted;
  }

  /** What the server can do, as its session tells it; null before a call. */
  get session() {
    return this.#call?.session ?? null;
  }

  /** Open the microphone, and the call if there is none. Throws NoSound or Refused. */
  async talk() {
    this.#speaker ??= await Loudspeaker.open((position) => this.#played(position));
    this.#microphone = await Microphone.open((pcm, level) => this.#spoke(pcm, level));
    this.mute(false);
    try {
      await this.#connect();
    } catch (refused) {
      await this.end();
      throw refused;
    }
  }

  /** Write; answered aloud where we talk, else in writing. Throws Refused. */
  async write(text) {
    await this.#connect();
    this.#speaker?.flush();
    const id = this.#call.say(text, { spoken: this.talking });
    this.#captions.follow(() => this.#captions.yours(id).close(text));
    this.#await();
    this.#remember();
  }

  mute(muted) {
    this.#muted = muted;
    this.level = 0;
    if (this.#microphone) this.#microphone.muted = muted;
    this.#show();
  }

  /** Fall silent now, as a click or a key can say it too. */
  hush() {
    this.#call?.cancel();
    this.#speaker?.flush();
  }

  async end() {
    const [call, microphone, speaker] = [this.#call, this.#microphone, this.#speaker];
    this.#call = this.#microphone = this.#speaker = this.#current = null;
    this.#hearing = this.#held = this.#due = false;
    this.#sounding = "";
    this.level = 0;
    call?.close();
    this.#show();
    await Promise.all([microphone?.close(), speaker?.close()]);
  }

  /** The person has changed what is allowed: it holds from now on. */
  allow() {
    const acoustic = this.#choices.get("acoustic");
    if (acoustic !== this.#acoustic) this.#affect.clear(acoustic ? undefined : "Off. I only go by your words.");
    this.#acoustic = acoustic;
    this.#call?.update({ empathy: this.#choices.empathy });
  }

  // -- the call ------------------------------------------------------------------------------------

  async #connect() {
    if (this.#call) return;
    this.#onPhase("connecting");
    const empathy = { events: true, playback_reports: true, resume: true, ...this.#choices.empathy };
    const call = await connect({ key: this.key, history: this.history, session: { empathy } });
    this.#call = call;
    this.#sent = { session: call.session.id, ms: 0 };
    call.on("*", (event) => this.#take(event));
    call.on("state", (news) => this.#line(news));
    this.#show();
  }

  #line({ state, reason }) {
    if (state === "ended") {
      this.history = this.#call?.history ?? this.history;
      this.end();
      if (reason) this.#onProblem(`The call has ended: ${reason}. Talk or write to go on; I still know what we said.`);
    } else {
      this.#show();
    }
  }

  #remember() {
    this.history = this.#call.history;
    this.#keep(this.history);
  }

  #take(event) {
    this.#speaker?.take(event);
    this.#captions.follow(() => this.#caption(event));
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.#hearing = true;
        this.#held = false;
        break;
      case "input_audio_buffer.speech_stopped":
        this.#hearing = false;
        this.#await(this.#sent.ms - event.audio_end_ms);
        break;
      case "session.created":
        if (event.session.id !== this.#sent.session) this.#beginAnew(event.session.id);
        break;
      case "response.created":
        this.#current = { item: "", begun: null };
        break;
      case "empathy.hold":
        this.#held = true;
        break;
      case "empathy.resume":
        this.#held = false;
        break;
      case "empathy.cues":
        if (this.#choices.get("acoustic")) this.#affect.show(event);
        break;
      case "error":
        this.#onProblem(event.error.message);
    }
    this.#show();
  }

  /** The line is back, but the session is another: what was under way before is over. */
  #beginAnew(session) {
    this.#sent = { session, ms: 0 };
    this.#hearing = this.#held = this.#due = false;
    this.#speaker?.flush();
    this.#captions.settle();
  }

  /** An answer is due; the person had finished `agoMs` ago. */
  #await(agoMs = 0) {
    this.#due = true;
    this.#since = performance.now() - agoMs;
  }

  // -- what is shown of it -------------------------------------------------------------------------

  #caption(event) {
    const captions = this.#captions;
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        return captions.yours(event.item_id);
      case "conversation.item.input_audio_transcription.delta":
        return captions.yours(event.item_id).more(event.delta);
      case "conversation.item.input_audio_transcription.completed":
        return this.#transcribed(event);
      case "conversation.item.input_audio_transcription.failed":
        return captions.yours(event.item_id).close("(I could not make that out.)");
      case "response.output_audio_transcript.delta":
        this.#follow(event.item_id);
        return captions.ours(event.item_id).more(event.delta);
      case "response.output_text.delta":
        this.#begun(event.item_id);
        captions.ours(event.item_id).more(event.delta);
        return captions.ours(event.item_id).whole();
      case "response.output_audio.delta":
        return captions.ours(event.item_id).words.sound(milliseconds(event.delta));
      case "empathy.words":
        return captions.ours(event.item_id).words.time(event.words);
      case "response.output_audio.done":
        return captions.of(event.item_id)?.words.end();
      case "response.output_text.done":
        return this.#onWritten(event.text);
      case "empathy.cues":
        return this.#sounded(event);
      case "response.done":
        return this.#answered(event);
    }
  }

  #transcribed({ item_id: id, transcript }) {
    if (!transcript) {
      this.#captions.remove(id);
      this.#due = false;
      return;
    }
    this.#captions.yours(id).close(transcript);
    this.#remember();
  }

  #sounded(cues) {
    const entry = this.#captions.of(cues.item_id);
    const text = summary(cues);
    if (!entry || !text) return;
    entry.element.querySelector(".how")?.remove();
    entry.attach(make("p", { class: "how" }, `sounded: ${text}`));
  }

  #answered({ response, empathy }) {
    const [item] = response.output;
    const entry = item && this.#captions.of(item.id);
    this.#due = false;
    if (response.status === "failed") this.#onProblem(response.status_details?.error?.message ?? "The answer could not be made.");
    if (!entry) return;
    if (response.status === "cancelled") entry.cut(wordsOf(item).length);
    this.#remember();
    if (empathy) entry.attach(chain(empathy, this.#current?.item === item.id ? this.#current.begun : null));
  }

  #follow(item) {
    if (this.#current && !this.#current.item) this.#current.item = item;
  }

  #begun(item) {
    this.#follow(item);
    if (this.#current?.item !== item || this.#current.begun !== null) return;
    this.#current.begun = Math.round(performance.now() - this.#since);
    this.#due = false;
  }

  // -- its sound -----------------------------------------------------------------------------------

  #spoke(pcm, level) {
    this.level = this.#muted ? 0 : level;
    if (this.#call?.sendAudio(pcm)) this.#sent.ms += (pcm.length * 1000) / RATE_HZ;
  }

  #played({ item, playedMs, sounding, gaps }) {
    this.gaps = gaps;
    this.#sounding = sounding ? item : "";
    if (sounding) this.#begun(item);
    this.#captions.of(item)?.played?.(playedMs);
    const now = performance.now();
    const place = `${item} ${playedMs}`;
    if (item && place !== this.#last && (now - this.#reportedAt >= REPORT_MS || !sounding)) {
      this.#last = place;
      this.#reportedAt = now;
      this.#call?.reportPlayed(item, playedMs);
    }
    this.#show();
  }

  #show() {
    this.#onPhase(this.#phase());
  }

  #phase() {
    if (!this.#call) return "idle";
    if (this.#call.state === "lost") return "lost";
    if (this.#held) return "held";
    if (this.#hearing) return "hearing";
    if (this.#sounding) return "speaking";
    if (this.#due) return "thinking";
    if (!this.talking) return "writing";
    return this.#muted ? "muted" : "listening";
  }
}

function milliseconds(delta) {
  return (((delta.length * 3) / 4 - (delta.match(/=*$/)[0].length)) / 2 / RATE_HZ) * 1000;
}

function wordsOf(item) {
  return (item.content[0]?.transcript ?? item.content[0]?.text ?? "").split(/\s+/).filter(Boolean);
}
