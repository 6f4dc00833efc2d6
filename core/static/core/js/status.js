// What the page says about itself: the connection, in words, and important changes, to screen readers.
const WORDS = {
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  polling: "Updates every 30 s",
};

export function showStatus(state) {
  for (const element of document.querySelectorAll("[data-live-status]")) {
    const look = state === "reconnecting" ? "connecting" : state;
    if (element.textContent === WORDS[state]) continue;
    element.dataset.state = look;
    element.textContent = WORDS[state];
  }
}

export function announce(sentence) {
  const element = document.querySelector("[data-announcer]");
  if (element) element.textContent = sentence;
}
