import assert from "node:assert/strict";
import { test } from "node:test";
import { Playout } from "./playout.js";

const BLOCK = 480;
const sound = (count, level = 3277) => new Int16Array(count).fill(level);

function filled(playout, count = BLOCK) {
  const block = new Float32Array(count);
  playout.fill(block);
  return block;
}

function playing(...pieces) {
  const playout = new Playout({ jitterMs: 0 });
  for (const [item, pcm] of pieces) playout.add(item, pcm);
  return playout;
}

test("sound comes out in order, and silence where there is none", () => {
  const playout = playing(["a", sound(300)], ["b", sound(300, 6554)]);
  const block = filled(playout, 1000);
  assert.ok(block.slice(0, 300).every((s) => Math.abs(s - 0.1) < 1e-3));
  assert.ok(block.slice(300, 600).every((s) => Math.abs(s - 0.2) < 1e-3));
  assert.ok(block.slice(600).every((s) => s === 0));
  assert.deepEqual([playout.item, playout.played, playout.waiting], ["b", 300, 0]);
});

test("an answer begins once enough of it is there, or all of it", () => {
  const playout = new Playout({ jitterMs: 60 });
  playout.add("a", sound(BLOCK));
  assert.equal(filled(playout)[0], 0);
  playout.add("a", sound(2 * BLOCK));
  assert.notEqual(filled(playout)[0], 0);
  const short = new Playout({ jitterMs: 60 });
  short.add("a", sound(BLOCK));
  short.end();
  assert.notEqual(filled(short)[0], 0);
});

test("an answer that runs dry waits again, and it is counted", () => {
  const playout = new Playout({ jitterMs: 20 });
  playout.add("a", sound(BLOCK));
  filled(playout, 2 * BLOCK);
  assert.equal(playout.gaps, 1);
  playout.add("a", sound(BLOCK / 2));
  assert.equal(filled(playout)[0], 0);
});

test("what was not played is thrown away, and the next answer is whole", () => {
  const playout = playing(["a", sound(10 * BLOCK)]);
  filled(playout);
  playout.duck();
  playout.hold();
  playout.flush();
  assert.ok(filled(playout).every((s) => s === 0));
  assert.equal(playout.sounding, false);
  playout.add("b", sound(BLOCK));
  assert.ok(Math.abs(filled(playout)[0] - 0.1) < 1e-3);
  assert.deepEqual([playout.item, playout.played], ["b", BLOCK]);
});

test("held, it goes on from the same sample", () => {
  const ramp = Int16Array.from({ length: 4 * BLOCK }, (_, i) => i);
  const playout = playing(["a", ramp]);
  filled(playout);
  playout.hold();
  assert.ok(filled(playout).every((s) => s === 0));
  assert.equal(playout.played, BLOCK);
  playout.resume();
  assert.equal(Math.round(filled(playout)[0] * 32768), BLOCK);
});

test("ducked, it is lower without a click", () => {
  const playout = playing(["a", sound(8 * BLOCK, 16384)]);
  filled(playout);
  playout.duck();
  const down = filled(playout);
  const steps = down.slice(1).map((s, i) => Math.abs(s - down[i]));
  assert.ok(Math.max(...steps) < 0.002);
  assert.ok(Math.abs(filled(playout).at(-1) - 0.5 * 0.126) < 1e-3);
  playout.resume();
  filled(playout);
  assert.ok(Math.abs(filled(playout).at(-1) - 0.5) < 1e-3);
});

test("a small sound goes on top of an answer, or of silence", () => {
  const playout = playing(["a", sound(BLOCK)]);
  playout.murmur(sound(2 * BLOCK));
  assert.ok(Math.abs(filled(playout)[0] - 0.2) < 1e-3);
  assert.ok(Math.abs(filled(playout)[0] - 0.1) < 1e-3);
  assert.equal(playout.played, BLOCK);
});
