// The list of an event's tickets, as hashes of their codes: what is judged by where there is no network.
import { ask, NoNetwork } from "./gate_network.js";
import { time } from "./gate_result.js";
import { fill } from "./words.js";
import { own, read, readAll, readKeys, remove, write } from "./gate_store.js";

const HASH_BYTES = 16;
const RENEW_MS = 60000; // what was cancelled, given away or booked since
const PATIENCE_MS = 120000; // a list of thousands, over a slow network
const OLDEST_MS = 24 * 3600 * 1000; // no session lasts longer, so nobody is gate staff for longer without a word
const GONE = new Set([401, 403, 404]);
const page = { url: "", event: 0, staff: 0, list: null, isAsking: false };

export async function startList(url, { event, staff }) {
  Object.assign(page, { url, event, staff });
  const kept = (await read("lists", event)) ?? null;
  page.list = kept?.staff === staff ? kept : null;
  for (const { event: other, scan } of await readAll("queue")) { // of former staff as well: let in is let in
    if (other === event && scan.let_in) await write("marks", key(scan.fingerprint), hereMark(scan.at + scan.offset));
  }
  setInterval(renew, RENEW_MS);
  document.addEventListener("socket-refused", renew);
  await renew();
}

// The whole of it once, then what changed since.
export async function renew() {
  if (page.isAsking) return;
  page.isAsking = true;
  const since = usable() ? { since: page.list.now } : {};
  const began = Date.now();
  try {
    const { status, body } = await ask(`${page.url}?${new URLSearchParams({ event: page.event, ...since })}`, {}, PATIENCE_MS);
    if (status === 200 && body.staff === page.staff) await keep(body, (began + Date.now()) / 2);
    else if (status === 200) location.reload(); // somebody else has logged in, in another tab
    else if (GONE.has(status)) await forget();
    document.querySelector("[data-gone]").hidden = !GONE.has(status);
  } catch (error) {
    if (!(error instanceof NoNetwork)) throw error;
  } finally {
    page.isAsking = false;
    showAge();
  }
}

async function keep(news, readAt) {
  const tickets = news.since ? page.list.tickets : new Map();
  for (const name of news.valid) tickets.set(name, ["valid"]);
  for (const [name, at, gate] of news.used) tickets.set(name, ["used", at, gate]);
  for (const name of news.cancelled) tickets.set(name, ["cancelled"]);
  for (const name of news.own) tickets.set(name, ["own"]);
  const { now, off } = news;
  page.list = { staff: page.staff, now, off, readAt, offset: Math.round(Date.parse(now) - readAt), tickets };
  own(page.staff);
  await write("lists", page.event, page.list);
  await dropMarks(new Set(news.valid), now);
}

// What the server calls unused was taken back since, unless it was not told of the scan, or knew less than this device.
async function dropMarks(valid, now) {
  const unsent = new Set((await readAll("queue")).map(({ scan }) => scan.fingerprint));
  for (const marked of await readKeys("marks")) {
    const [event, name] = marked.split(" ");
    if (Number(event) !== page.event || !valid.has(name) || unsent.has(name)) continue;
    const mark = await read("marks", marked);
    if (Date.parse(mark.at) < Date.parse(now)) await remove("marks", marked);
  }
}

async function forget() {
  page.list = null;
  document.querySelector("[data-ready]").hidden = true;
  await remove("lists", page.event);
}

function usable() {
  return page.list !== null && Date.now() - page.list.readAt < OLDEST_MS;
}

// How far this device's clock is behind the server's, in milliseconds, as it was seen last.
export function offset() {
  return page.list?.offset ?? 0;
}

// The same as `fingerprint` in `core/ticket_code.py`, of a code that is tidied as there; null where it cannot be made.
export async function fingerprint(code) {
  if (!crypto.subtle) return null;
  const tidy = code.toUpperCase().replace(/[-\s]/g, "");
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(tidy));
  const text = String.fromCharCode(...new Uint8Array(hash).slice(0, HASH_BYTES));
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// What the list says of a ticket, as the outcome of a scan, `{outcome, at, gate}`; null where there is no list.
export function lookUp(name) {
  if (!usable() || name === null) return null;
  const [state, at, gate] = page.list.tickets.get(name) ?? ["not_listed"];
  if (page.list.off && state !== "not_listed") return { outcome: "cancelled" };
  const outcome = { valid: "admitted", used: "already_checked_in", own: "own_ticket" }[state] ?? state;
  return { outcome, at, gate };
}

// What the server said counts here as well, should the network go now.
export async function mark(name, { outcome, checked_in_at: at, gate }) {
  const isIn = outcome === "admitted" || outcome === "already_checked_in";
  if (name !== null && at && isIn) await write("marks", key(name), { at, gate });
}

export function hereMark(at) {
  return { at: new Date(at).toISOString(), gate: "", here: true };
}

export function key(name) {
  return `${page.event} ${name}`;
}

function showAge() {
  const element = document.querySelector("[data-offline-list]");
  element.textContent = page.list ? fill(element.dataset.words, { time: time(page.list.readAt) }) : "";
}
