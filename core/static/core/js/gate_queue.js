// Scans made without a network: judged by the list, kept on the device, and told until the server has answered.
import { hereMark, key, lookUp, offset, renew } from "./gate_list.js";
import { ask, NoNetwork, post } from "./gate_network.js";
import { addRow } from "./gate_result.js";
import { admitOnce, read, readAll, remove, write } from "./gate_store.js";
import { refreshSoon } from "./regions.js";

const RETRY_MS = 5000;
const PATIENCE_MS = 60000;
const AT_ONCE = 20; // scans in one request
const page = { urls: null, here: null, isSending: false };

export async function startQueue(urls, here) {
  Object.assign(page, { urls, here });
  window.addEventListener("online", send);
  setInterval(send, RETRY_MS);
  for (const { outcome, scan } of await mine()) addRow({ outcome }, scan.at); // of this page before it was loaded again
  await send();
}

// Resolves to what a scan comes to here, once it is safe on the device; null where there is no list to go by.
export async function scanOffline({ nonce, name }) {
  const found = lookUp(name);
  if (!found) return null;
  const at = Date.now();
  const used = { outcome: "already_checked_in" };
  let result = found;
  if (found.outcome === "admitted") {
    const before = await admitOnce(key(name), hereMark(at + offset()), nonce, (mark) => row(nonce, name, mark ? used : found, at));
    if (before) result = { ...used, ...before };
  } else {
    const mark = await read("marks", key(name));
    if (mark) result = { ...used, ...mark };
    await write("queue", nonce, row(nonce, name, result, at));
  }
  addRow(result, at);
  await showUnsent();
  return result;
}

function row(nonce, name, { outcome }, at) {
  const { event, gate, staff } = page.here;
  const scan = { nonce, fingerprint: name, at, offset: offset(), let_in: outcome === "admitted", gate };
  return { event, staff, outcome, scan };
}

async function mine() {
  const rows = await readAll("queue");
  return rows.filter(({ staff }) => staff === page.here.staff).sort((one, other) => one.scan.at - other.scan.at);
}

async function send() {
  if (page.isSending) return;
  page.isSending = true;
  try {
    const rows = await mine();
    if (!rows.length && !isShown("[data-no-network]")) return;
    if (isShown("[data-no-network]")) await ask(page.urls.aliveUrl); // soon known, whatever the rest takes
    const isSent = rows.length > 0 && (await sendAll(rows));
    await renew();
    if (isSent) refreshSoon();
  } catch (error) {
    if (!(error instanceof NoNetwork)) throw error;
  } finally {
    page.isSending = false;
    await showUnsent();
  }
}

async function sendAll(rows) {
  showProblem("");
  let isSent = false;
  for (const event of new Set(rows.map((kept) => kept.event))) {
    const scans = rows.filter((kept) => kept.event === event).map(({ scan }) => scan);
    for (let at = 0; at < scans.length; at += AT_ONCE) {
      if (!(await sendSome(event, scans.slice(at, at + AT_ONCE)))) break;
      isSent = true;
    }
  }
  return isSent;
}

// Not logged in any more, or not staff of this event: the scans are kept, and the page says why.
async function sendSome(event, scans) {
  const { status, body } = await post(page.urls.syncUrl, Object.entries({ event, scans: JSON.stringify(scans) }), PATIENCE_MS);
  if (status !== 200) showProblem(body.detail);
  else for (const nonce of Object.keys(body.results)) await remove("queue", nonce);
  return status === 200;
}

function isShown(selector) {
  return !document.querySelector(selector).hidden;
}

function showProblem(detail) {
  document.querySelector("[data-unsent-problem]").textContent = detail;
}

async function showUnsent() {
  const count = (await mine()).length;
  const element = document.querySelector("[data-unsent]");
  element.hidden = !count;
  element.querySelector("[data-unsent-count]").textContent = String(count);
}
