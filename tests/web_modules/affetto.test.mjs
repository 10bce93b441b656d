import assert from "node:assert/strict";
import { test } from "node:test";
import { Call, Refused, connect } from "./affetto.js";

const url = process.env.AFFETTO_TEST_URL;
const keyed = process.env.AFFETTO_TEST_KEYED_URL;
const heard = (call, type) => new Promise((resolve) => call.on(type, resolve));

test("a written turn, and what is kept of it", async () => {
  const call = await connect({ url, session: { empathy: { events: true, of_the_future: true } } });
  const done = heard(call, "response.done");
  const id = call.say("I lost my keys.");
  const { response } = await done;
  assert.equal(response.status, "completed");
  assert.deepEqual(call.history.map(({ role }) => role), ["user", "assistant"]);
  assert.equal(call.history[0].id, id);
  assert.equal(call.session.empathy.events, true, "switches that the server lacks are left out");
  call.close();
  assert.equal(call.state, "ended");
});

test("another turn cuts off the answer that is under way", async () => {
  const call = await connect({ url });
  const statuses = [];
  call.on("response.done", ({ response }) => statuses.push(response.status));
  call.say("I lost my keys.", { spoken: true });
  await heard(call, "response.output_audio.delta");
  call.say("And my phone.");
  while (statuses.length < 2) await heard(call, "response.done");
  assert.deepEqual(statuses, ["cancelled", "completed"]);
  call.close();
});

test("history comes along into a new call", async () => {
  const history = [
    { id: "a", role: "user", text: "I lost my keys." },
    { id: "b", role: "assistant", text: "Where?" },
  ];
  const call = new Call({ url, history });
  const added = [];
  call.on("conversation.item.added", ({ item }) => added.push(item.id));
  await call.open();
  while (added.length < 2) await heard(call, "conversation.item.added");
  assert.deepEqual(added, ["a", "b"]);
  call.close();
});

test("a handler can be taken away", async () => {
  const call = await connect({ url });
  let count = 0;
  const off = call.on("session.updated", () => (count += 1));
  off();
  call.update({ empathy: { events: true } });
  await heard(call, "session.updated");
  assert.equal(count, 0);
  call.close();
});

test("why it cannot be opened", async () => {
  await assert.rejects(connect({ url: keyed }), (error) => error instanceof Refused && error.status === 401);
  await assert.rejects(connect({ url: "http://127.0.0.1:9" }), (error) => error instanceof Refused && error.status === 0);
  const call = await connect({ url: keyed, key: "sk-right" });
  assert.equal(call.state, "open");
  call.close();
});

test("nothing is sent where there is no line", () => {
  const call = new Call({ url });
  assert.equal(call.sendAudio(new Int16Array(480)), false);
  assert.equal(call.send("response.create"), false);
});
