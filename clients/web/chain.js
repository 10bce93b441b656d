// The chain of empathy behind an answer, folded, and how long each step of it took.

import { listed, make, plain, seconds } from "./dom.js";

const NEEDS = {
  be_heard: "to be heard",
  comfort: "to be comforted",
  validation: "to hear that it makes sense",
  perspective: "another view of it",
  celebrate: "to celebrate",
  space: "some space",
  safety: "to be safe",
};
const INTENSITY = ["barely", "a little", "clearly", "strongly"];
const STAGES = {
  committed: "took your turn as ended",
  appraised: "knew what to make of it",
  first_words: "had the first words",
  first_audio: "had the first sound",
  finished: "had all of the answer",
};
const HERE = "reached you here";

/** A <details> for `response.done`'s empathy; `measuredMs` is what this page measured until the answer began. */
export function chain(empathy, measuredMs) {
  const appraisal = empathy.appraisal;
  return make(
    "details",
    { class: "chain" },
    make("summary", {}, "Why this answer", measuredMs === null ? null : make("span", { class: "latency" }, ` · after ${seconds(measuredMs)}`)),
    appraisal ? make("ol", {}, ...steps(appraisal).map(step)) : make("p", { class: "note" }, "No appraisal was made of this turn."),
    recalled(empathy.recalled),
    times(empathy.timings_ms ?? {}, measuredMs),
    ...(empathy.degraded ?? []).map((text) => make("p", { class: "note" }, `Went wrong, and was done a simpler way: ${text}`)),
  );
}

function steps(a) {
  const found = [["I take it you feel", felt(a)]];
  if (a.cause) found.push(["because of", `“${a.cause}”`]);
  found.push(["and would like", NEEDS[a.need] ?? plain(a.need)]);
  if (a.conflict) found.push(["though", "your voice and your words say different things"]);
  if (a.risk && a.risk !== "none") found.push(["and I am", a.risk === "crisis" ? "worried about your safety" : "a little worried about you"]);
  found.push(["so I chose", `${listed((a.tactics ?? []).map(plain))}, in a ${plain(a.tone)} tone`]);
  if (a.evidence?.length) found.push(["It rests on", listed(a.evidence)]);
  if (typeof a.confidence === "number") found.push(["How sure", `${Math.round(a.confidence * 100)}%`]);
  return found;
}

function felt({ emotion, intensity }) {
  if (emotion === "neutral" || !intensity) return emotion === "neutral" ? "nothing strongly" : plain(emotion);
  return `${plain(emotion)}, ${INTENSITY[intensity] ?? intensity}`;
}

function step([name, value]) {
  return make("li", {}, make("span", { class: "step" }, name), " ", make("span", { class: "value" }, value));
}

function recalled(facts) {
  return facts?.length ? make("p", { class: "note" }, `Remembered: ${listed(facts)}`) : null;
}

function times(timings, measuredMs) {
  const rows = Object.entries(STAGES).filter(([stage]) => stage in timings);
  if (!rows.length) return null;
  const longest = Math.max(...rows.map(([stage]) => timings[stage]), measuredMs ?? 0, 1);
  const all = rows.map(([stage, text]) => [text, timings[stage]]);
  if (measuredMs !== null) all.push([HERE, measuredMs]);
  const items = all.sort((a, b) => a[1] - b[1]).map(([text, ms]) => timed(text, ms, longest));
  return make("div", { class: "times" }, make("p", { class: "step" }, "After you had finished, I"), make("ul", {}, ...items));
}

function timed(text, ms, longest) {
  const fill = make("span", { class: "fill" });
  fill.style.setProperty("--share", Math.max(0, ms) / longest);
  const track = make("span", { class: "track", "aria-hidden": "true" }, fill);
  return make("li", {}, make("span", { class: "label" }, text), track, make("span", { class: "number" }, seconds(ms)));
}
