// The trace view: sessions that asked to be traced, and each turn of one as a picture.

import { chain } from "./chain.js";
import { byId, make, plain, seconds } from "./dom.js";
import { lanes, step } from "./timeline.js";

const WIDTH = 1000;
const NAMES = 120; // room for the names of lanes
const LANE = 26;

let key = "";
let shown = null;

/** The answer as JSON; null, with the reason told, where there is none. */
async function ask(path, options = {}) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  try {
    const answer = await fetch(path, { headers, ...options });
    if (answer.status === 401) byId("key-dialog").showModal();
    else if (answer.ok) return await answer.json();
    else tell(answer.status === 404 ? "This server has no such trace (any more)." : `The server answered with status ${answer.status}.`);
  } catch {
    tell("The server does not answer.");
  }
  return null;
}

function tell(message) {
  byId("told").textContent = message;
}

async function list() {
  const found = await ask("/v1/sessions");
  if (found === null) return;
  tell(found.data.length ? "" : "No session has asked to be traced. The page to talk to has a switch for it, under Privacy.");
  byId("sessions").replaceChildren(...found.data.map(entry));
  const wanted = location.hash.slice(1) || found.data[0]?.id;
  if (found.data.some(({ id }) => id === wanted)) await show(wanted);
  else clear();
}

function entry(session) {
  const began = new Date(session.began_at * 1000);
  const when = make("time", { datetime: began.toISOString() }, began.toLocaleString());
  const more = `${session.turns} ${session.turns === 1 ? "turn" : "turns"}${session.ended_at === null ? ", going on" : ""}`;
  const link = make("a", { href: `#${session.id}`, "data-session": session.id }, when, make("span", { class: "small" }, more));
  return make("li", {}, link);
}

async function show(id) {
  const found = await ask(`/v1/sessions/${encodeURIComponent(id)}/turns`);
  if (found === null) return clear();
  shown = found;
  for (const link of document.querySelectorAll("[data-session]")) {
    if (link.dataset.session === id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  byId("turns").replaceChildren(...found.data.map(turned));
  byId("tools").hidden = false;
  return undefined;
}

function clear() {
  shown = null;
  byId("turns").replaceChildren();
  byId("tools").hidden = true;
}

function turned(turn) {
  const words = turn.user.map(({ text }) => text).filter(Boolean).join(" ");
  const response = turn.response;
  return make(
    "li",
    { class: "turn" },
    make("h3", {}, `Turn ${turn.turn}`),
    words ? make("p", { class: "said" }, `“${words}”`) : null,
    response?.text ? make("p", { class: "said ours" }, response.text) : null,
    response?.status && response.status !== "completed" ? make("p", { class: "note" }, `This answer was ${response.status}${response.reason ? ` (${plain(response.reason)})` : ""}.`) : null,
    picture(turn),
    response?.status ? chain(response, null) : null,
    marks(turn),
  );
}

// -- the picture -----------------------------------------------------------------------------------

function picture(turn) {
  const { from, to, lanes: found } = lanes(turn);
  const height = found.length * LANE + 24;
  const x = (ms) => NAMES + ((ms - from) / (to - from)) * (WIDTH - NAMES - 10);
  const label = `Turn ${turn.turn}: ${found.map((lane) => `${lane.name} ${extent(lane, from)}`).join("; ")}.`;
  const drawn = make("svg:svg", { class: "timeline", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label });
  const size = step(to - from);
  for (let at = 0; at <= to - from; at += size) drawn.append(...line(x(from + at), height, size < 100 ? `${at} ms` : seconds(at)));
  found.forEach((lane, index) => drawn.append(...drawnLane(lane, index, x)));
  return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `Timeline of turn ${turn.turn}` }, drawn);
}

function line(x, height, text) {
  return [
    make("svg:line", { class: "axis", x1: x, x2: x, y1: 0, y2: height - 18 }),
    make("svg:text", { x, y: height - 4, "text-anchor": "middle" }, text),
  ];
}

function drawnLane({ name, spans, points }, index, x) {
  const y = index * LANE + LANE / 2;
  const css = `lane-${name.replaceAll(" ", "-")}`;
  return [
    make("svg:text", { class: "lane-name", x: NAMES - 12, y: y + 4, "text-anchor": "end" }, name),
    ...spans.map(({ from, to, text }) =>
      make("svg:rect", { class: `span ${css}`, x: x(from), y: y - 8, width: Math.max(2, x(to) - x(from)), height: 16, rx: 4 }, make("svg:title", {}, `${seconds(to - from)}: ${text}`)),
    ),
    ...points.map(({ at, text }) => make("svg:circle", { class: `mark ${css}`, cx: x(at), cy: y, r: 5 }, make("svg:title", {}, text))),
  ];
}

function extent({ spans, points }, from) {
  const starts = [...spans.map((span) => span.from), ...points.map(({ at }) => at)];
  const ends = [...spans.map((span) => span.to), ...points.map(({ at }) => at)];
  return `from ${seconds(Math.min(...starts) - from)} to ${seconds(Math.max(...ends) - from)}`;
}

/** All that happened, as a table: what the picture shows, for those who do not see it, and more. */
function marks(turn) {
  const { from } = lanes(turn);
  const rows = turn.timeline.map(({ at_ms: at, what, ...fields }) =>
    make("tr", {}, make("td", {}, seconds(at - from)), make("td", {}, plain(what)), make("td", {}, told(fields))),
  );
  const head = make("tr", {}, ...["when", "what", "with"].map((name) => make("th", { scope: "col" }, name)));
  return make("details", { class: "chain" }, make("summary", {}, "All that happened"), make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function told(fields) {
  return Object.entries(fields)
    .map(([name, value]) => `${plain(name)}: ${Array.isArray(value) ? value.join("; ") : value}`)
    .join(", ");
}

// -- tools -----------------------------------------------------------------------------------------

function save() {
  const address = URL.createObjectURL(new Blob([JSON.stringify(shown, null, 2)], { type: "application/json" }));
  make("a", { href: address, download: `${shown.session.id}.json` }).click();
  URL.revokeObjectURL(address);
}

async function drop() {
  if ((await ask(`/v1/sessions/${encodeURIComponent(shown.session.id)}`, { method: "DELETE" })) === null) return;
  history.replaceState(null, "", "/trace");
  await list();
}

byId("refresh").addEventListener("click", list);
byId("save").addEventListener("click", save);
byId("drop").addEventListener("click", drop);
byId("key-form").addEventListener("submit", () => {
  key = byId("key").value.trim();
  list();
});
addEventListener("hashchange", () => show(location.hash.slice(1)));
list();
