// The organizer's page shows more than its numbers say: it is asked for again when they change, at most once a second.
import { refreshSoon } from "./regions.js";

const PAUSE_MS = 1000;
let timer = null;
let askedAt = -PAUSE_MS;

export function startWatching(element) {
  if (element) document.addEventListener("numbers-changed", ask);
}

function ask() {
  timer ??= setTimeout(() => {
    timer = null;
    askedAt = performance.now();
    refreshSoon(0);
  }, Math.max(0, askedAt + PAUSE_MS - performance.now()));
}
