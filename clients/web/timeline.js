// A turn of a trace as lanes of a picture. Pure: from the server's record to spans and points, in milliseconds.

const GAP_MS = 400; // room after the last thing that happened

/** `{ from, to, lanes: [{ name, spans: [{ from, to, text }], points: [{ at, text }] }] }` of a turn of /v1/sessions. */
export function lanes(turn) {
  const marks = turn.timeline ?? [];
  const of = (...kinds) => marks.filter(({ what }) => kinds.includes(what));
  const reply = of("reply_begun").at(-1);
  const own = (mark) => reply === undefined || mark.reply === reply.reply;
  const paused = of("voice_stopped").at(-1)?.offset_ms;
  const found = [
    { name: "you", spans: turn.user.filter(spoken).map(said), points: turn.user.filter((part) => part.how === "typed").map(typed) },
    { name: "end of turn", points: [...of("pause_judged").map(judged), ...turn.user.flatMap(taken)] },
    { name: "recognition", spans: until(paused, of("recognized"), (m) => m.text), points: of("recognized_partly").map((m) => ({ at: m.at_ms, text: m.text })) },
    { name: "cues", spans: until(paused, of("cues_read"), () => "cues read") },
    { name: "appraisal", spans: until(reply?.at_ms, of("appraised").filter(own), () => turn.response?.appraisal?.emotion ?? "appraised") },
    { name: "words", points: of("worded").filter(own).map((m) => ({ at: m.at_ms, text: m.text })) },
    { name: "audio made", points: of("voiced").filter(own).map((m) => ({ at: m.at_ms, text: "a phrase has its first sound" })) },
    { name: "heard", spans: heard(turn.response, of("voiced").filter(own)) },
    { name: "over us", points: of("ducked", "held", "resumed", "truncated").map((m) => ({ at: m.at_ms, text: m.what })) },
  ].map((lane) => ({ spans: [], points: [], ...lane }));
  const times = found.flatMap(({ spans, points }) => [...spans.flatMap(({ from, to }) => [from, to]), ...points.map(({ at }) => at)]);
  const from = Math.min(turn.began_ms, ...times);
  return { from, to: Math.max(turn.began_ms, ...times) + GAP_MS, lanes: found.filter(({ spans, points }) => spans.length || points.length) };
}

function spoken({ how, began_ms: began, ended_ms: ended }) {
  return how === "spoken" && began !== undefined && ended !== undefined;
}

function said({ began_ms: from, ended_ms: to, text }) {
  return { from, to, text: text ?? "" };
}

function typed({ committed_ms: at, text }) {
  return { at, text: `written: ${text}` };
}

function judged({ at_ms: at, completion }) {
  return { at, text: `${Math.round(completion * 100)}% sure that you were done` };
}

function taken({ how, committed_ms: at }) {
  return how === "spoken" && at !== undefined ? [{ at, text: "taken as ended" }] : [];
}

function until(from, marks, text) {
  const last = marks.at(-1);
  return from === undefined || last === undefined ? [] : [{ from: Math.min(from, last.at_ms), to: last.at_ms, text: text(last) }];
}

function heard(response, voiced) {
  if (!response?.played_ms || !voiced.length) return [];
  const from = Math.max(response.began_ms, voiced[0].at_ms);
  return [{ from, to: from + response.played_ms, text: response.heard ?? response.text ?? "" }];
}

/** Round distances between lines of a scale, so that about `count` of them fit. */
export function step(lengthMs, count = 8) {
  const rough = lengthMs / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
}
