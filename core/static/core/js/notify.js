// Browser notifications for those who asked for them, and the control that asks. Pages and their titles do without.
import { announce } from "./status.js";
import { words as say } from "./words.js";

const CHOICE = "notify"; // "on", in this browser
const TOLD = "notified"; // the tags of the last ones, one a line: no page repeats what an earlier one has told
const MOST = 20;
const HEAD_START_MS = 1000; // of the page that is looked at: what is seen there, no other tab tells
const memory = new Map(); // where the browser keeps nothing for a page
let isRefused = false;

export function startNotify() {
  showState();
  document.addEventListener("click", ({ target }) => { if (target.closest("[data-notify-switch]")) toggle(); });
  document.addEventListener("regions-replaced", showState);
  for (const name of ["focus", "storage"]) window.addEventListener(name, showState);
}

export function isLooking() {
  return document.visibilityState === "visible" && document.hasFocus();
}

// Once for each tag in all tabs of this browser, and only while nobody looks: of two tabs at once, one gets the lock.
export function notify(message) {
  const ask = () => {
    if (state() === "on") navigator.locks.request(message.tag, { ifAvailable: true }, (lock) => lock && tellOnce(message));
  };
  if (isLooking()) ask();
  else setTimeout(ask, HEAD_START_MS);
}

function tellOnce(message) {
  const told = (kept(TOLD) ?? "").split("\n");
  if (told.includes(message.tag)) return null;
  keep(TOLD, [...told, message.tag].slice(-MOST).join("\n"));
  if (!isLooking()) show(message);
  return new Promise(() => {}); // the lock stays with this page: what it keeps may reach other tabs later than the lock
}

async function toggle() {
  const isOn = state() === "on";
  if (!isOn) await Notification.requestPermission();
  keep(CHOICE, isOn ? "off" : "on");
  if (state() === "on") isRefused = !show({ tag: "on", title: say("notifications"), body: words("off") });
  if (isRefused) keep(CHOICE, "off");
  showState();
  announce(words(state()));
}

// The words for each state are in the page (parts/notify.html), and the style sheet shows those of this state.
function showState() {
  const now = state();
  document.documentElement.dataset.notify = now;
  for (const button of document.querySelectorAll("[data-notify-switch]")) button.setAttribute("aria-pressed", now === "on");
}

function state() {
  if (!("Notification" in window && "locks" in navigator)) return "none";
  if (isRefused) return "refused";
  if (Notification.permission === "denied") return "blocked";
  return Notification.permission === "granted" && kept(CHOICE) === "on" ? "on" : "off";
}

function words(name) {
  return document.querySelector(`[data-notify-words="${name}"]`)?.textContent ?? "";
}

function show({ tag, title, body }) {
  try {
    const notification = new Notification(title, { tag, body });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
    return true;
  } catch {
    return false; // Android leaves it to service workers (TypeError)
  }
}

function kept(key) {
  try {
    return localStorage.getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

function keep(key, value) {
  memory.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // Forbidden or full: this page remembers it as long as it is open.
  }
}
