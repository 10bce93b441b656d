// The notice before anything is inferred from a voice, the switches after it, and being forgotten.

import { byId } from "./dom.js";

const SWITCHES = ["acoustic", "age", "gender", "memory", "backchannels", "trace"];
const OF_THE_VOICE = ["age", "gender"];

/** Tell what is done, and ask. False where the person turned away without an answer. */
export async function askOnce(choices) {
  const dialog = byId("notice");
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (!dialog.returnValue) return false;
  choices.set("acoustic", dialog.returnValue === "voice");
  choices.set("decided", true);
  return true;
}

export class PrivacyDialog {
  #choices;
  #conversation;
  #onForgotten;
  #sure = false;

  constructor({ choices, conversation, onForgotten }) {
    this.#choices = choices;
    this.#conversation = conversation;
    this.#onForgotten = onForgotten;
    byId("open-privacy").addEventListener("click", () => this.open());
    for (const name of SWITCHES) byId(`allow-${name}`).addEventListener("change", ({ target }) => this.#set(name, target.checked));
    byId("forget").addEventListener("click", () => this.#forget());
    byId("key-form").addEventListener("submit", () => (conversation.key = byId("key").value.trim()));
    for (const dialog of document.querySelectorAll("dialog")) {
      for (const button of dialog.querySelectorAll("button[value]")) button.addEventListener("click", () => dialog.close(button.value));
    }
  }

  open() {
    this.#sure = false;
    this.refresh();
    byId("privacy").showModal();
  }

  /** The server wants a key before it takes a call. */
  askKey() {
    byId("key-dialog").showModal();
  }

  #set(name, value) {
    this.#choices.set(name, value);
    this.#choices.set("decided", true);
    this.#conversation.allow();
    this.refresh();
  }

  /** Show what holds now. */
  refresh() {
    for (const name of SWITCHES) byId(`allow-${name}`).checked = this.#choices.get(name);
    for (const name of OF_THE_VOICE) byId(`allow-${name}`).disabled = !this.#choices.get("acoustic");
    byId("forget").textContent = this.#sure ? "Yes, forget all of it" : "Forget me";
    const told = this.#conversation.session;
    byId("no-memory").hidden = told === null || "user" in (told.empathy ?? {});
  }

  /** Asked twice, for there is no way back. */
  async #forget() {
    if (!this.#sure) {
      this.#sure = true;
      this.refresh();
      return;
    }
    const person = this.#choices.get("person");
    await this.#conversation.end();
    const left = person ? await this.#eraseOnServer(person) : "";
    if (!left) this.#choices.forget();
    byId("privacy").close();
    this.#onForgotten(left || "Forgotten: what was said, what was remembered of you, and what you had allowed.");
  }

  /** What could not be erased, in words; empty where all of it was. */
  async #eraseOnServer(person) {
    const headers = this.#conversation.key ? { authorization: `Bearer ${this.#conversation.key}` } : {};
    try {
      const answer = await fetch(`/v1/memory?user=${encodeURIComponent(person)}`, { method: "DELETE", headers });
      if (answer.ok || answer.status === 404) return ""; // 404: this server keeps no memory
      return "The server could not forget you just now; please try again in a while.";
    } catch {
      return "The server did not answer, so what it remembers is still there; please try again.";
    }
  }
}
