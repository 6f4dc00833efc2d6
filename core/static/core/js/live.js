// The socket of a page: connect, hand messages on, come back after a loss, and poll where there is none.
import { applyHold, applyPosition, applyTicket, compareWith } from "./places.js";
import { applyResult } from "./ask.js";
import { applyStats, showLatest } from "./numbers.js";
import { applyGate } from "./gate_numbers.js";
import { refreshSoon, startRegions } from "./regions.js";
import { setServerNow } from "./clock.js";
import { showStatus } from "./status.js";

const LOGGED_OUT = 4401;
const FALLBACK_MS = 10000;
const POLL_MS = 30000;
const LONGEST_WAIT_MS = 30000;
const REFRESH_MS = 3000;
const LONG_HIDDEN_MS = 60000; // a phone that slept this long may hold a dead socket that still says it is open
const page = { kind: null, socket: null, attempt: 0, retry: null, fallback: null, poll: null, hiddenAt: 0 };

const HANDLERS = {
  snapshot(message) {
    setServerNow(message.now, true);
    message.events?.forEach(applyStats);
    if (page.kind === "dashboard") compareWith(message);
    if (message.gate) applyGate(message.gate);
    message.gates?.forEach(applyGate);
  },
  stats(message) {
    setServerNow(message.now);
    applyStats(message);
  },
  hold: applyHold,
  ticket: applyTicket,
  position: applyPosition,
  gate: applyGate,
  result: applyResult,
};

export function startLive(element) {
  if (!element || !("WebSocket" in window)) return;
  page.kind = element.dataset.live;
  startRegions();
  const { address } = element.dataset; // of a page that answers a form: there is nothing to ask for at the form's own
  if (address) history.replaceState(null, "", address + location.hash);
  const { refresh } = element.dataset; // the page shows more than its numbers say: ask for it when they change
  if (refresh) document.addEventListener(refresh, () => refreshSoon(REFRESH_MS));
  document.addEventListener("regions-replaced", showLatest);
  showStatus("connecting");
  connect();
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("online", () => { showStatus("reconnecting"); connect(); });
  window.addEventListener("offline", () => { drop(); onLoss(); });
  window.addEventListener("pagehide", drop);
  window.addEventListener("pageshow", ({ persisted }) => { if (persisted) { refreshSoon(); connect(); } });
}

// Say something over the person's own socket; return whether it is open, so that an answer can be expected.
export function say(message) {
  const isOpen = page.kind === "dashboard" && page.socket?.readyState === WebSocket.OPEN && !page.attempt && !page.fallback;
  if (isOpen) page.socket.send(JSON.stringify(message));
  return isOpen;
}

function connect() {
  drop();
  page.fallback ??= setTimeout(startPolling, FALLBACK_MS);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/${page.kind}/`);
  page.socket = socket;
  socket.onmessage = ({ data }) => receive(data);
  socket.onclose = ({ code }) => { if (page.socket === socket) onLoss(code); };
}

function receive(data) {
  const message = JSON.parse(data); // a broken one is an error in the console, and nothing else
  if (page.attempt || page.fallback || page.poll) onArrival();
  if (Object.hasOwn(HANDLERS, message.type)) HANDLERS[message.type](message);
}

// Only a first message proves a connection: a proxy may accept and close again and again.
function onArrival() {
  page.attempt = 0;
  clearTimeout(page.fallback);
  clearInterval(page.poll);
  page.fallback = page.poll = null;
  showStatus("live");
}

function onLoss(code) {
  page.socket = null;
  page.fallback ??= setTimeout(startPolling, FALLBACK_MS);
  showStatus(page.poll ? "polling" : "reconnecting");
  if (code === LOGGED_OUT) {
    page.kind = "events"; // no longer this person's page, but its numbers stay live
    refreshSoon();
    document.dispatchEvent(new Event("socket-refused"));
  }
  const longest = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** page.attempt);
  page.attempt += 1;
  page.retry = setTimeout(connect, Math.random() * longest);
}

function startPolling() {
  if (page.poll) return;
  showStatus("polling");
  refreshSoon(2000);
  page.poll = setInterval(() => { if (!document.hidden) refreshSoon(2000); }, POLL_MS);
}

function onVisibility() {
  if (document.hidden) page.hiddenAt = Date.now();
  else if (page.socket?.readyState !== WebSocket.OPEN || Date.now() - page.hiddenAt > LONG_HIDDEN_MS) connect();
}

function drop() {
  clearTimeout(page.retry);
  const socket = page.socket;
  page.socket = null;
  socket?.close();
}
