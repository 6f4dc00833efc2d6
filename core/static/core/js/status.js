// What the page says about itself: the connection, in words, and important changes, to screen readers.
import { words } from "./words.js";

// Where the device itself has no network, nothing that is tried helps, and that alone is said.
export function showStatus(tried) {
  const state = tried === "live" || navigator.onLine ? tried : "no_network";
  for (const element of document.querySelectorAll("[data-live-status]")) {
    const look = state === "reconnecting" ? "connecting" : state;
    if (element.textContent === words(state)) continue;
    element.dataset.state = look;
    element.textContent = words(state);
  }
}

export function announce(sentence) {
  const element = document.querySelector("[data-announcer]");
  if (element) element.textContent = sentence;
}
