import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, step } from "./timeline.js";

const TURN = {
  turn: 1,
  began_ms: 1000,
  user: [{ item_id: "i", how: "spoken", began_ms: 1000, ended_ms: 2500, committed_ms: 2700, text: "I lost my keys." }],
  response: { began_ms: 2700, ended_ms: 4000, played_ms: 1200, heard: "Oh no!", appraisal: { emotion: "sad" } },
  timeline: [
    { at_ms: 1010, what: "voice_started", onset_ms: 1000 },
    { at_ms: 2000, what: "recognized_partly", text: "I lost" },
    { at_ms: 2560, what: "voice_stopped", offset_ms: 2500 },
    { at_ms: 2580, what: "pause_judged", completion: 0.93 },
    { at_ms: 2590, what: "reply_begun", reply: 1 },
    { at_ms: 2600, what: "appraised", reply: 1 },
    { at_ms: 2650, what: "recognized", text: "I lost my keys." },
    { at_ms: 2660, what: "cues_read" },
    { at_ms: 2665, what: "reply_begun", reply: 2 },
    { at_ms: 2690, what: "appraised", reply: 2 },
    { at_ms: 2750, what: "worded", reply: 2, text: "Oh no!" },
    { at_ms: 2800, what: "voiced", reply: 2 },
    { at_ms: 3300, what: "ducked" },
  ],
};

test("each step of a turn has its lane, in order", () => {
  const { from, to, lanes: found } = lanes(TURN);
  assert.deepEqual(found.map(({ name }) => name), ["you", "end of turn", "recognition", "cues", "appraisal", "words", "audio made", "heard", "over us"]);
  assert.equal(from, 1000);
  assert.ok(to >= 4000);
});

test("spans are from where a step could begin to where it was done", () => {
  const by = Object.fromEntries(lanes(TURN).lanes.map((lane) => [lane.name, lane]));
  assert.deepEqual(by.you.spans, [{ from: 1000, to: 2500, text: "I lost my keys." }]);
  assert.deepEqual(by.recognition.spans, [{ from: 2500, to: 2650, text: "I lost my keys." }]);
  assert.deepEqual(by.appraisal.spans, [{ from: 2665, to: 2690, text: "sad" }], "of the reply that was used");
  assert.deepEqual(by.heard.spans, [{ from: 2800, to: 4000, text: "Oh no!" }]);
  assert.deepEqual(by["end of turn"].points, [{ at: 2580, text: "93% sure that you were done" }, { at: 2700, text: "taken as ended" }]);
});

test("a written turn without sound, and one of which little is known", () => {
  const written = { turn: 1, began_ms: 5, user: [{ how: "typed", text: "hi", committed_ms: 5 }], response: null, timeline: [] };
  assert.deepEqual(lanes(written).lanes.map(({ name }) => name), ["you"]);
  assert.deepEqual(lanes({ turn: 1, began_ms: 7, user: [], response: null }).lanes, []);
});

test("scales have round steps", () => {
  assert.deepEqual([80, 4000, 7900, 60000].map((length) => step(length)), [10, 500, 1000, 10000]);
});
