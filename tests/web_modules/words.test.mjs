import assert from "node:assert/strict";
import { test } from "node:test";
import { Words } from "./words.js";

test("words are heard at the times that were told, however they are cut", () => {
  const words = new Words();
  words.add("It's half-past two.");
  words.sound(900);
  words.time([{ text: "It's", end_ms: 300 }, { text: "half-", end_ms: 450 }, { text: "past", end_ms: 600 }, { text: "two.", end_ms: 900 }]);
  assert.deepEqual([0, 299, 300, 599, 600, 900].map((ms) => words.heard(ms)), [0, 0, 1, 1, 2, 3]);
});

test("times may come piece by piece, as the sound does", () => {
  const words = new Words();
  words.add("one two");
  words.time([{ text: "one", end_ms: 200 }]);
  words.add("three");
  words.time([{ text: "two", end_ms: 400 }, { text: "three", end_ms: 600 }]);
  assert.deepEqual([200, 400, 600].map((ms) => words.heard(ms)), [1, 2, 3]);
});

test("without times it goes by letters, phrase by phrase", () => {
  const words = new Words();
  words.add("aaaa bbbb");
  words.sound(1000);
  words.add("cccc dddd");
  words.sound(2000);
  words.end();
  assert.deepEqual([499, 500, 1000, 1999, 2000, 3000].map((ms) => words.heard(ms)), [0, 1, 2, 2, 3, 4]);
});

test("what has not come yet is not heard", () => {
  const words = new Words();
  words.add("a long phrase of which little sound has come");
  words.sound(200);
  assert.ok(words.heard(200) <= 1);
  assert.equal(new Words().heard(1000), 0);
});
