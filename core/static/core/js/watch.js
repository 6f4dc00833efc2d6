// A page of organizers or of the admin shows more than its numbers say: it is asked for again when they change, at most
// once a pause.
import { refreshSoon } from "./regions.js";

const MINUTE_MS = 60000; // its bars are those of the last minutes, also where nothing changes
let timer = null;
let askedAt = -Infinity;

export function startWatching(element, pause = 1000) {
  if (!element) return;
  const ask = () => {
    timer ??= setTimeout(() => {
      timer = null;
      askedAt = performance.now();
      refreshSoon(0);
    }, Math.max(0, askedAt + pause - performance.now()));
  };
  document.addEventListener("numbers-changed", ask);
  setInterval(() => { if (!document.hidden) ask(); }, MINUTE_MS);
}
