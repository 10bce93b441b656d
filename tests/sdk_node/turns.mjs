// Drives @openai/agents-realtime, as it is, through a spoken and a written turn and an interruption.
// usage: node turns.mjs WS_URL KEY PCM_FILE (24 kHz mono s16le); prints one JSON object.

import { readFileSync } from "node:fs";
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession } from "@openai/agents-realtime";

const [url, apiKey, pcmFile] = process.argv.slice(2);
const PATIENCE_MS = 20_000;
const seen = { types: [], errors: [], captions: "", audioBytes: 0, interrupted: 0 };

const agent = new RealtimeAgent({ name: "Friend", instructions: "Be kind." });
const session = new RealtimeSession(agent, {
  transport: new OpenAIRealtimeWebSocket({ useInsecureApiKey: true }),
  model: "gpt-realtime",
});
session.on("error", (event) => seen.errors.push(JSON.stringify(event.error ?? event, errorText)));
session.on("audio", (event) => (seen.audioBytes += event.data.byteLength));
session.on("audio_interrupted", () => seen.interrupted++);
session.transport.on("*", (event) => {
  seen.types.push(event.type);
  if (event.type === "response.output_audio_transcript.delta") seen.captions += event.delta;
});

function errorText(key, value) {
  return value instanceof Error ? value.message : value;
}

function next(type) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${type}; saw ${seen.types.slice(-12)}`)), PATIENCE_MS);
    const listen = (event) => {
      if (event.type !== type) return;
      clearTimeout(late);
      session.transport.off("*", listen);
      resolve(event);
    };
    session.transport.on("*", listen);
  });
}

function speak() {
  const pcm = readFileSync(pcmFile);
  const bytes = 9_600; // 200 ms
  for (let at = 0; at < pcm.length; at += bytes) {
    const piece = pcm.subarray(at, at + bytes);
    session.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.byteLength));
  }
}

const updated = next("session.updated");
await session.connect({ apiKey, url });
seen.session = (await updated).session;

let done = next("response.done");
speak();
seen.spoken = (await done).response;
seen.spokenAudioBytes = seen.audioBytes;

done = next("response.done");
session.sendMessage("I got the job!");
seen.written = (await done).response;

done = next("response.done");
const sounding = next("response.output_audio.delta");
session.sendMessage("Tell me more.");
await sounding;
session.interrupt();
seen.cut = (await done).response;

done = next("response.done");
session.sendMessage("Still there?");
seen.last = (await done).response;

seen.history = session.history;
session.close();
console.log(JSON.stringify(seen));
process.exit(0);
