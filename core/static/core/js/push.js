// Messages by the browser's push service, which come with the page closed: the switch. Nothing is asked for without it.
import { announce } from "./status.js";

const HAS_PUSH = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
const SCOPE = "/";
let panel = null;
let known = new Set(); // digests of the addresses that the server has of this person's browsers
let isBusy = false;

export async function startPush(found) {
  if (!found || !HAS_PUSH) return;
  panel = found;
  known = new Set(panel.dataset.known.split(" "));
  panel.querySelector("[data-push-switch]").addEventListener("click", toggle);
  const now = await state();
  show(now);
  panel.hidden = false;
  if (now === "on") await bind();
}

// Whoever logged in anew goes on being told: a subscription lasts as long as the login that made it.
async function bind() {
  const made = await current();
  if (!panel.dataset.former.split(" ").includes(await digest(made.endpoint))) return;
  try {
    await subscribe(made);
  } catch {
    // Offline, or the login has ended: the next page tries again.
  }
}

function subscribe(made) {
  const { endpoint, keys } = made.toJSON();
  return send(panel.dataset.subscribe, { endpoint, p256dh: keys.p256dh, auth: keys.auth });
}

async function toggle({ currentTarget }) {
  if (isBusy) return; // a double click
  isBusy = true;
  let now = "failed";
  try {
    await (currentTarget.getAttribute("aria-pressed") === "true" ? switchOff() : switchOn());
    now = await state();
  } catch {
    // Offline, or the push service is away: the words say so.
  }
  isBusy = false;
  show(now);
  announce(panel.querySelector(`[data-push-words="${now}"]`).textContent);
}

async function switchOn() {
  if ((await Notification.requestPermission()) !== "granted") return;
  await (await current())?.unsubscribe(); // of a former key, or of somebody else who used this browser
  await navigator.serviceWorker.register(panel.dataset.worker, { scope: SCOPE });
  const { pushManager } = await navigator.serviceWorker.ready;
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: panel.dataset.key });
  try {
    await subscribe(made);
    known.add(await digest(made.endpoint));
  } catch (error) {
    await made.unsubscribe();
    throw error;
  }
}

async function switchOff() {
  const made = await current();
  if (!made) return;
  await made.unsubscribe(); // first: whatever becomes of the rest, nothing arrives any more
  known.delete(await digest(made.endpoint));
  await send(panel.dataset.unsubscribe, { endpoint: made.endpoint });
}

async function send(address, fields) {
  const token = panel.querySelector("[name=csrfmiddlewaretoken]").value;
  const body = new URLSearchParams({ ...fields, csrfmiddlewaretoken: token });
  const { ok } = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
  if (!ok) throw new Error("refused");
}

async function state() {
  if (Notification.permission === "denied") return "blocked";
  const made = await current();
  if (!made || Notification.permission !== "granted" || !isOfKey(made)) return "off";
  return known.has(await digest(made.endpoint)) ? "on" : "off";
}

// With another key than the page's the push service takes nothing from this site any more.
function isOfKey({ options }) {
  const text = btoa(String.fromCharCode(...new Uint8Array(options.applicationServerKey)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") === panel.dataset.key;
}

async function current() {
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  return registration?.pushManager.getSubscription();
}

async function digest(text) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function show(now) {
  panel.querySelector("[data-push-switch]").setAttribute("aria-pressed", now === "on");
  for (const words of panel.querySelectorAll("[data-push-words]")) words.dataset.isShown = words.dataset.pushWords === now;
}
