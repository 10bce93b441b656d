// The browser's storage, as JSON; a browser that was told to keep nothing has none, and then nothing is kept.

/** An object of "local" or "session" storage; empty where there is none. */
export function read(which, key) {
  try {
    return JSON.parse(of(which).getItem(key)) ?? {};
  } catch {
    return {}; // no storage, not ours, or of another version
  }
}

export function write(which, key, value) {
  try {
    of(which).setItem(key, JSON.stringify(value));
  } catch {
    drop(which, key); // forbidden or full: rather nothing than something old
  }
}

export function drop(which, key) {
  try {
    of(which).removeItem(key);
  } catch {
    return; // there is none
  }
}

function of(which) {
  return which === "local" ? localStorage : sessionStorage;
}
