// One conversation as the page has it: a call, its sound, and what of it is shown. Knows nothing of buttons.

import { Loudspeaker, Microphone } from "./audio.js";
import { connect } from "./affetto.js";
import { chain } from "./chain.js";
import { summary } from "./affect.js";
import { RATE_HZ } from "./pcm.js";

const REPORT_MS = 100;

export class Conversation {
  #choices;
  #captions;
  #affect;
  #onPhase;
  #onProblem;
  #onWritten;
  #kept;
  #left = new Set(); // answers that were under way when the page was loaded again
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

  /** `kept` is what the tab keeps; hooks: onPhase(phase, reason), onProblem(message), onWritten(text). */
  constructor({ choices, captions, affect, kept, onPhase, onProblem, onWritten, key }) {
    Object.assign(this, { key, level: 0, gaps: 0 });
    this.#choices = choices;
    this.#acoustic = choices.decided ? choices.get("acoustic") : null;
    this.#captions = captions;
    this.#affect = affect;
    this.#onPhase = onPhase;
    this.#onProblem = onProblem;
    this.#onWritten = onWritten;
    this.#kept = kept;
  }

  /** Show what was said before the page was loaded again, and what was made of it. */
  restore() {
    this.#captions.restore(this.#kept.history);
    for (const [id, { cues, empathy, afterMs = null }] of Object.entries(this.#kept.notes)) {
      const entry = this.#captions.of(id);
      if (cues && entry) entry.how = sounded(cues);
      if (empathy) entry?.attach(chain(empathy, afterMs));
    }
    if (this.#acoustic) for (const cues of this.#kept.cues) this.#affect.show(cues);
  }

  /** The page goes; loaded again, it may go on with the session. */
  leave() {
    const ticket = this.#call?.ticket;
    if (ticket) this.#kept.leave({ ...ticket, sentMs: this.#sent.ms });
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
    if (!this.live) this.#onPhase("connecting");
    this.#speaker ??= await Loudspeaker.open((position) => this.#played(position));
    this.#microphone = await Microphone.open((pcm, level) => this.#spoke(pcm, level), () => this.#deaf());
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
    if (!acoustic) {
      this.#kept.forgetVoice();
      this.#captions.forgetVoice();
    }
    this.#call?.update({ empathy: this.#choices.empathy });
  }

  // -- the call ------------------------------------------------------------------------------------

  async #connect() {
    if (this.#call) return;
    this.#onPhase("connecting");
    const empathy = { events: true, playback_reports: true, resume: true, ...this.#choices.empathy };
    const { ticket } = this.#kept;
    const call = await connect({ key: this.key, history: this.#kept.history, session: { empathy }, ticket });
    this.#call = call;
    this.#kept.ticket = null;
    const again = call.session.id === ticket?.id;
    this.#sent = { session: call.session.id, ms: again ? ticket.sentMs : 0 };
    this.#left = new Set(again ? ticket.responding : []);
    if (this.#left.size) call.cancel(); // its sound went with the page
    call.on("*", (event) => this.#left.has(event.response_id ?? event.response?.id) ? this.#rest(event) : this.#take(event));
    call.on("state", (news) => this.#line(news));
    this.#show();
  }

  /** An answer that was under way when the page was loaded again: only what was heard of it is shown. */
  #rest({ type, response }) {
    if (type !== "response.done") return;
    for (const item of response.output) {
      const heard = wordsOf(item).join(" ");
      if (heard && !this.#captions.of(item.id)) this.#captions.follow(() => this.#captions.written(item.id, heard));
    }
    this.#remember();
  }

  /** The microphone was pulled out, or taken away: writing goes on. */
  async #deaf() {
    const microphone = this.#microphone;
    this.#microphone = null;
    this.#hearing = false;
    this.level = 0;
    this.#show();
    this.#onProblem("The microphone is gone. You can press Talk to try again, or write to me below.");
    await microphone?.close();
  }

  #line({ state, reason }) {
    if (state === "ended") {
      this.end();
      if (reason) this.#onProblem(`The call has ended: ${reason}. Talk or write to go on; I still know what we said.`);
    } else {
      this.#show();
    }
  }

  #remember() {
    this.#kept.said(this.#call.history);
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
        if (this.#choices.get("acoustic")) this.#heardIn(event);
        break;
      case "error":
        if (event.error.code !== "response_cancel_not_active") this.#onProblem(event.error.message);
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

  #heardIn(cues) {
    this.#affect.show(cues);
    const entry = this.#captions.of(cues.item_id);
    if (entry) this.#captions.follow(() => (entry.how = sounded(cues)));
    if (!cues.partial) this.#kept.heard(cues);
  }

  #answered({ response, empathy }) {
    const [item] = response.output;
    const entry = item && this.#captions.of(item.id);
    this.#due = false;
    if (response.status === "failed") this.#onProblem(response.status_details?.error?.message ?? "The answer could not be made.");
    if (!entry) return;
    if (response.status === "cancelled") entry.cut(wordsOf(item).length);
    const afterMs = this.#current?.item === item.id ? this.#current.begun : null;
    if (empathy) {
      this.#kept.note(item.id, { empathy, afterMs });
      entry.attach(chain(empathy, afterMs));
    }
    this.#remember();
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

function sounded(cues) {
  const text = summary(cues);
  return text && `sounded: ${text}`;
}

function milliseconds(delta) {
  return (((delta.length * 3) / 4 - (delta.match(/=*$/)[0].length)) / 2 / RATE_HZ) * 1000;
}

function wordsOf(item) {
  return (item.content[0]?.transcript ?? item.content[0]?.text ?? "").split(/\s+/).filter(Boolean);
}
