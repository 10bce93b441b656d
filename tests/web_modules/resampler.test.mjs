import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "./resampler.js";
import { fromBase64, level, toBase64 } from "./pcm.js";

function resampled(fromHz, toneHz, seconds = 0.5) {
  const input = Float32Array.from({ length: fromHz * seconds }, (_, i) => 0.5 * Math.sin((2 * Math.PI * toneHz * i) / fromHz));
  const resampler = new Resampler(fromHz, 24000);
  const output = [];
  for (let at = 0; at < input.length; at += 128) output.push(...resampler.process(input.subarray(at, at + 128)));
  return output;
}

for (const fromHz of [48000, 44100, 16000]) {
  test(`a tone of a microphone at ${fromHz} Hz stays the same tone`, () => {
    const output = resampled(fromHz, 1000);
    assert.ok(Math.abs(output.length - 12000) < 60);
    const off = output.slice(100).map((s, i) => Math.abs(s - 0.5 * Math.sin((2 * Math.PI * 1000 * (i + 100)) / 24000)));
    assert.ok(Math.max(...off) < 0.01, `${Math.max(...off)}`);
  });
}

test("what 24 kHz cannot hold is left out, not folded back", () => {
  const output = resampled(48000, 18000).slice(200);
  assert.ok(level(Int16Array.from(output, (s) => s * 32767)) < 0.002);
});

test("base64 there and back", () => {
  const pcm = Int16Array.from([0, 1, -1, 32767, -32768]);
  assert.deepEqual(fromBase64(toBase64(pcm)), pcm);
  assert.equal(toBase64(Int16Array.from([1, 2])), Buffer.from(Int16Array.from([1, 2]).buffer).toString("base64"));
});
