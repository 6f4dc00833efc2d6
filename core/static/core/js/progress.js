// A part of the page that changes by itself for a while, and of which no socket tells: ask for it until it is done.
import { refreshSoon, startRegions } from "./regions.js";

const EVERY_MS = 2000;

export function startProgress() {
  if (!document.querySelector("[data-progress]")) return;
  startRegions();
  const timer = setInterval(() => {
    if (!document.querySelector("[data-progress]")) clearInterval(timer);
    else if (document.visibilityState === "visible") refreshSoon(0);
  }, EVERY_MS);
}
