// The microphone and the loudspeaker of a browser, as a call needs them.

import { RATE_HZ, fromBase64, level } from "./pcm.js";

/** Why there is no sound; the message is for the person. */
export class NoSound extends Error {}

const INSECURE =
  "Browsers lend the microphone only to pages that came over HTTPS or from this computer itself. " +
  "Open this page as https://… or as http://localhost; until then you can write to me below.";

const SILENT = "This browser does not let sound begin: is there a loudspeaker? Until then you can write to me below.";
const BEGIN_MS = 4000;

const WORKLET = new URL("./worklet.js", import.meta.url);

/** Follows the events of a call; `onPosition({ item, playedMs, sounding, waiting, gaps })` tells what comes out. */
export class Loudspeaker {
  #context;
  #node;

  /** Must be called by a gesture of the person: browsers keep silent otherwise. Throws NoSound. */
  static async open(onPosition) {
    if (!globalThis.isSecureContext) throw new NoSound(INSECURE);
    const speaker = new Loudspeaker();
    speaker.#context = new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
    await begun(speaker.#context);
    speaker.#node = new AudioWorkletNode(speaker.#context, "affetto-loudspeaker", { numberOfInputs: 0 });
    speaker.#node.port.onmessage = ({ data }) => onPosition(data);
    speaker.#node.connect(speaker.#context.destination);
    return speaker;
  }

  /** Follow an event of the server; those that are not about sound change nothing. */
  take(event) {
    switch (event.type) {
      case "response.output_audio.delta":
        return this.#order("add", event.item_id, fromBase64(event.delta));
      case "response.output_audio.done":
        return this.#order("end");
      case "input_audio_buffer.speech_started":
        return this.#order("flush");
      case "response.done":
        return event.response.status === "cancelled" ? this.#order("flush") : undefined;
      case "empathy.duck":
        return this.#order("duck");
      case "empathy.hold":
        return this.#order("hold");
      case "empathy.resume":
        return this.#order("resume");
      case "empathy.backchannel":
        return this.#order("murmur", fromBase64(event.delta));
    }
  }

  /** Fall silent now. */
  flush() {
    this.#order("flush");
  }

  async close() {
    await this.#context.close();
  }

  #order(...order) {
    this.#node.port.postMessage(order);
  }
}

/** Gives blocks of 20 ms to `onBlock(Int16Array, level)` until it is closed. */
export class Microphone {
  #context;
  #stream;

  /** Asks the person's permission; `onGone()` tells that it was pulled out or taken away. Throws NoSound. */
  static async open(onBlock, onGone) {
    const microphone = new Microphone();
    microphone.#stream = await permitted();
    for (const track of microphone.#stream.getTracks()) track.addEventListener("ended", onGone);
    const { context, source } = connected(microphone.#stream);
    microphone.#context = context;
    await begun(context);
    const node = new AudioWorkletNode(context, "affetto-microphone", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data }) => onBlock(data, level(data));
    source.connect(node);
    return microphone;
  }

  /** Whether what is said is taken; a muted microphone gives silence, so that the conversation's clock goes on. */
  set muted(muted) {
    for (const track of this.#stream.getTracks()) track.enabled = !muted;
  }

  async close() {
    for (const track of this.#stream.getTracks()) track.stop();
    await this.#context.close();
  }
}

/** The context runs and knows our worklet. Where there is no sound card, some browsers wait for one for ever. */
async function begun(context) {
  let timer;
  const never = new Promise((_, reject) => (timer = setTimeout(() => reject(new NoSound(SILENT)), BEGIN_MS)));
  try {
    await Promise.race([Promise.all([context.audioWorklet.addModule(WORKLET), context.resume()]), never]);
  } catch (error) {
    context.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function permitted() {
  if (!navigator.mediaDevices?.getUserMedia) throw new NoSound(INSECURE);
  const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new NoSound(why(error));
  }
}

function why(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The microphone was not allowed. You can allow it in the address bar, or write to me below.";
    case "NotFoundError":
      return "No microphone was found. You can plug one in, or write to me below.";
    case "NotReadableError":
      return "Another program holds the microphone. You can close that, or write to me below.";
    default:
      return `The microphone cannot be used (${error.message}). You can write to me below.`;
  }
}

/** At 24 kHz where the browser resamples microphones; else at the microphone's own rate, and the worklet resamples. */
function connected(stream) {
  const context = new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    context.close();
    const own = new AudioContext({ latencyHint: "interactive" });
    return { context: own, source: own.createMediaStreamSource(stream) };
  }
}
