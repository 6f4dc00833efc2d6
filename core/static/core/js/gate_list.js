// The list of an event's tickets, as hashes of their codes: what is judged by where there is no network.
import { ask, NoNetwork } from "./gate_network.js";
import { time } from "./gate_result.js";
import { own, read, readAll, readKeys, remove, write } from "./gate_store.js";

const HASH_BYTES = 16;
const RENEW_MS = 60000; // while the gate's numbers change
const OLDEST_MS = 24 * 3600 * 1000; // no session lasts longer, so nobody is gate staff for longer without a word
const GONE = new Set([401, 403, 404]);
const page = { url: "", event: 0, staff: 0, list: null, renewing: null };

export async function startList(url, { event, staff }) {
  Object.assign(page, { url, event, staff });
  if (!("indexedDB" in window && crypto.subtle)) return; // not over HTTPS: online only
  page.list = (await read("lists", event)) ?? null;
  if (page.list?.staff !== staff || Date.now() - page.list.readAt > OLDEST_MS) page.list = null;
  document.addEventListener("gate-changed", renewSoon);
  await renew();
}

function renewSoon() {
  page.renewing ??= setTimeout(() => { page.renewing = null; renew(); }, RENEW_MS);
}

// The whole of it once, then what changed since.
export async function renew() {
  const since = page.list ? { since: page.list.now } : {};
  try {
    const { status, body } = await ask(`${page.url}?${new URLSearchParams({ event: page.event, ...since })}`);
    if (status === 200) await keep(body);
    else if (GONE.has(status)) await forget();
  } catch (error) {
    if (!(error instanceof NoNetwork)) throw error;
  }
  showAge();
}

async function keep(news) {
  const tickets = news.since ? page.list.tickets : new Map();
  for (const name of news.valid) tickets.set(name, ["valid"]);
  for (const [name, at, gate] of news.used) tickets.set(name, ["used", at, gate]);
  for (const name of news.cancelled) tickets.set(name, ["cancelled"]);
  for (const name of news.own) tickets.set(name, ["own"]);
  const readAt = Date.now();
  page.list = { staff: page.staff, now: news.now, readAt, offset: Date.parse(news.now) - readAt, tickets };
  own(page.staff);
  await write("lists", page.event, page.list);
  await dropMarks(new Set(news.valid));
}

// What the server calls unused was taken back meanwhile, unless it was not told of the scan yet.
async function dropMarks(valid) {
  const unsent = new Set((await readAll("queue")).map(({ scan }) => scan.fingerprint));
  for (const marked of await readKeys("marks")) {
    const [event, name] = marked.split(" ");
    if (Number(event) === page.event && valid.has(name) && !unsent.has(name)) await remove("marks", marked);
  }
}

async function forget() {
  page.list = null;
  await remove("lists", page.event);
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

// What a ticket is worth here: `{outcome, at, gate, kept}`; `kept` says that it is a scan, to be told to the server.
export async function judge(name) {
  if (!page.list || name === null) return { outcome: "unclear", kept: false };
  const used = await read("marks", key(name));
  if (used) return { outcome: "already_checked_in", ...used, kept: true };
  const [state, at, gate] = page.list.tickets.get(name) ?? ["unknown"];
  if (state === "valid") {
    await write("marks", key(name), { at: new Date(Date.now() + offset()).toISOString(), gate: "", here: true });
    return { outcome: "admitted", kept: true };
  }
  const outcome = { used: "already_checked_in", cancelled: "cancelled", own: "own_ticket", unknown: "not_listed" }[state];
  return { outcome, at, gate, kept: true };
}

// What the server said counts here as well, should the network go now.
export async function mark(name, { outcome, checked_in_at: at, gate }) {
  if (!page.list || name === null || !at) return;
  if (outcome === "admitted" || outcome === "already_checked_in") await write("marks", key(name), { at, gate });
}

function key(name) {
  return `${page.event} ${name}`;
}

function showAge() {
  const element = document.querySelector("[data-offline-list]");
  element.textContent = page.list ? element.dataset.words.replace("{time}", time(page.list.readAt)) : "";
}
