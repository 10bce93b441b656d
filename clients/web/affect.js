// What the server hears in the voice: the plane of valence and arousal with its trail, emotions, style and sounds.

import { listed, make, plain } from "./dom.js";

const TRAIL = 12;
const MOST_EMOTIONS = 5;
const LEAST = 0.02;
const SIZE = 200; // of the plane, in its own units

/** A word for a point of the plane; both -1..1. */
export function describe(valence, arousal) {
  const energy = arousal > 0.25 ? "stirred" : arousal < -0.25 ? "calm or low" : "even";
  const pleasure = valence > 0.2 ? "pleasant" : valence < -0.2 ? "unpleasant" : "neither pleasant nor unpleasant";
  return `${energy}, ${pleasure}`;
}

/** Cues in a few words: "sad; quiet and slow; a sigh". Empty where nothing is notable. */
export function summary(cues) {
  const [first] = strongest(cues.emotion);
  const parts = [first && first[1] >= 0.3 ? plain(first[0]) : "", listed((cues.style ?? []).map(plain)), sounds(cues)];
  return parts.filter(Boolean).join("; ");
}

function strongest(emotion) {
  return Object.entries(emotion ?? {})
    .filter(([, p]) => p >= LEAST)
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST_EMOTIONS);
}

function sounds(cues) {
  return listed((cues.events ?? []).map(({ event }) => plain(event)));
}

export class AffectView {
  #parts;
  #points = [];

  /** `parts`: elements by name - body, line, plane, trail, point, emotions, confidence, style, evidence. */
  constructor(parts) {
    this.#parts = parts;
    this.clear();
  }

  clear(message = "Nothing heard yet.") {
    this.#points = [];
    this.#parts.body.hidden = true;
    this.#parts.line.textContent = message;
    for (const name of ["trail", "emotions", "style", "evidence"]) this.#parts[name].replaceChildren();
    this.#parts.confidence.textContent = "";
    this.#parts.point.setAttribute("class", "point unknown");
    this.#parts.plane.setAttribute("aria-label", "Valence and arousal: not known.");
  }

  show(cues) {
    this.#parts.body.hidden = false;
    this.#parts.line.textContent = summary(cues) || (unsure(cues) ? "I cannot tell how you feel from how it sounds." : "Nothing notable in how it was said.");
    if (typeof cues.valence === "number" && typeof cues.arousal === "number") this.#move(cues.valence, cues.arousal);
    this.#parts.emotions.replaceChildren(...strongest(cues.emotion).map(bar));
    this.#parts.confidence.textContent = confidence(cues);
    this.#parts.style.replaceChildren(...chips(cues));
    this.#parts.evidence.replaceChildren(...(cues.evidence ?? []).map(({ claim, measured }) => make("li", {}, `${plain(claim)}: ${measured}`)));
  }

  #move(valence, arousal) {
    const { plane, point, trail } = this.#parts;
    this.#points = [...this.#points, { x: (valence + 1) * (SIZE / 2), y: (1 - arousal) * (SIZE / 2) }].slice(-TRAIL);
    const { x, y } = this.#points.at(-1);
    point.setAttribute("class", "point");
    point.setAttribute("cx", x);
    point.setAttribute("cy", y);
    trail.replaceChildren(...this.#points.slice(1).map((to, index) => segment(this.#points[index], to, (index + 1) / this.#points.length)));
    plane.setAttribute("aria-label", `Your voice: ${describe(valence, arousal)} (valence ${valence.toFixed(1)}, arousal ${arousal.toFixed(1)}).`);
  }
}

function segment(from, to, age) {
  return make("svg:line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, "stroke-opacity": 0.15 + 0.6 * age });
}

function bar([name, p]) {
  const fill = make("span", { class: "fill" });
  fill.style.setProperty("--share", p);
  const track = make("span", { class: "track", "aria-hidden": "true" }, fill);
  return make("li", {}, make("span", { class: "label" }, plain(name)), track, make("span", { class: "number" }, `${Math.round(p * 100)}%`));
}

/** Whether the voice was read, and told too little to name a feeling. */
function unsure(cues) {
  return !cues.emotion && typeof cues.confidence === "number";
}

function confidence(cues) {
  if (unsure(cues)) return `Too unsure to name a feeling (${Math.round(cues.confidence * 100)}%). I get to know your voice as we talk.`;
  if (!cues.emotion) return "This server reads no emotions from voices; it tells what it measures.";
  return typeof cues.confidence === "number" ? `A guess, ${Math.round(cues.confidence * 100)}% sure of itself.` : "A guess.";
}

function chips(cues) {
  const style = (cues.style ?? []).map((name) => make("li", { class: "chip" }, plain(name)));
  const events = (cues.events ?? []).map(({ event, start_ms: at }) => make("li", { class: "chip sound" }, `${plain(event)} at ${(at / 1000).toFixed(1)} s`));
  const person = [cues.age && `sounds like: ${plain(cues.age)}`, cues.gender && `sounds ${plain(cues.gender)}`]
    .filter(Boolean)
    .map((text) => make("li", { class: "chip" }, text));
  return [...style, ...events, ...person];
}
