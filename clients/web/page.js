// The page: buttons, dialogs, and what a person is told. Everything else is in the modules that it imports.

import { AffectView } from "./affect.js";
import { NoSound } from "./audio.js";
import { Refused } from "./affetto.js";
import { Captions } from "./captions.js";
import { Choices } from "./choices.js";
import { Conversation } from "./conversation.js";
import { byId } from "./dom.js";
import { Kept } from "./kept.js";
import { PrivacyDialog, askOnce } from "./privacy.js";

const TOLD = {
  idle: "Ready when you are",
  connecting: "Calling…",
  listening: "Listening",
  writing: "Reading you",
  muted: "Your microphone is off",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking · you can interrupt any time",
  held: "Listening to you",
  lost: "The connection is lost. Trying to come back…",
};
const ANNOUNCED = new Set(["listening", "muted", "lost", "idle"]); // once each, not at every turn: a screen reader talks, too

const choices = new Choices({ onElsewhere: changedElsewhere });
const captions = new Captions(byId("captions"));
const affect = new AffectView({
  body: byId("hearing-body"),
  line: byId("affect-line"),
  plane: byId("plane"),
  trail: byId("trail"),
  point: byId("point"),
  emotions: byId("emotions"),
  confidence: byId("confidence"),
  style: byId("style"),
  evidence: byId("evidence"),
});
const kept = new Kept();
const conversation = new Conversation({
  choices,
  captions,
  affect,
  kept,
  onPhase: show,
  onProblem: tell,
  onWritten: announce,
  key: "",
});
const privacy = new PrivacyDialog({ choices, conversation, onForgotten: forgotten });

let phase = "idle";
let announced = "idle";

function show(now) {
  if (now !== phase && (now === "listening" || now === "hearing")) tell("");
  phase = now;
  document.body.dataset.phase = now;
  byId("status").textContent = TOLD[now];
  if (now !== announced && ANNOUNCED.has(now)) announce(TOLD[(announced = now)]);
  const talking = conversation.talking && !conversation.muted;
  byId("talk").setAttribute("aria-pressed", talking);
  byId("talk-label").textContent = talking ? "Mute" : conversation.talking ? "Unmute" : captions.empty ? "Talk" : "Talk on";
  byId("end").hidden = !conversation.live;
  byId("welcome").hidden = conversation.live || !captions.empty;
}

/** Tell the person of a problem, or that there is none any more. */
function tell(message) {
  byId("problem").textContent = message;
  byId("problem").hidden = !message;
}

/** For those who hear the page: what they would not notice otherwise. */
function announce(text) {
  byId("announcer").textContent = text;
}

async function talk() {
  if (conversation.talking) return conversation.mute(!conversation.muted);
  if (!choices.decided && !(await askOnce(choices))) return undefined;
  conversation.allow();
  return attempt(() => conversation.talk());
}

async function write(event) {
  event.preventDefault();
  const text = byId("write").value.trim();
  if (!text) return;
  byId("write").value = "";
  grow();
  if (!(await attempt(() => conversation.write(text)))) byId("write").value = text;
}

/** Do it; whatever stands in its way is told. */
async function attempt(action) {
  tell("");
  try {
    await action();
    return true;
  } catch (error) {
    if (!(error instanceof NoSound || error instanceof Refused)) throw error;
    show(conversation.live ? phase : "idle");
    if (error.status === 401) privacy.askKey();
    else tell(error.message);
    return false;
  }
}

function forgotten(message) {
  captions.clear();
  kept.clear();
  affect.clear();
  show("idle");
  tell(message);
}

/** Another tab has changed what is allowed. */
function changedElsewhere() {
  conversation.allow();
  privacy.refresh();
}

function grow() {
  const box = byId("write");
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
}

function breathe() {
  byId("talk").style.setProperty("--level", Math.min(1, conversation.level * 6).toFixed(3));
  requestAnimationFrame(breathe);
}

byId("talk").addEventListener("click", talk);
byId("end").addEventListener("click", () => conversation.end());
byId("writing").addEventListener("submit", write);
byId("write").addEventListener("input", grow);
byId("write").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) write(event);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) conversation.hush();
});

const wide = matchMedia("(min-width: 60rem)");
const unfold = () => (byId("hearing").open = wide.matches);
wide.addEventListener("change", unfold);
unfold();
conversation.restore();
addEventListener("pagehide", () => conversation.leave());
if (!choices.get("acoustic")) affect.clear(choices.decided ? "Off. I only go by your words." : "Off until you allow it.");
show("idle");
breathe();
