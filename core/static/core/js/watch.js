// The organizer's page shows more than its numbers say: it is asked for again when they change, at most once a second.
import { refreshSoon } from "./regions.js";

const PAUSE_MS = 1000;
const MINUTE_MS = 60000; // its bars are those of the last minutes, also where nothing changes
let timer = null;
let askedAt = -PAUSE_MS;

export function startWatching(element) {
  if (!element) return;
  document.addEventListener("numbers-changed", ask);
  setInterval(() => { if (!document.hidden) ask(); }, MINUTE_MS);
}

function ask() {
  timer ??= setTimeout(() => {
    timer = null;
    askedAt = performance.now();
    refreshSoon(0);
  }, Math.max(0, askedAt + PAUSE_MS - performance.now()));
}
