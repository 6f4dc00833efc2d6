// Scans made without a network: kept on the device until the server has them, and told again after a lost answer.
import { offset, renew } from "./gate_list.js";
import { NoNetwork, post } from "./gate_network.js";
import { readAll, remove, write } from "./gate_store.js";
import { addRow } from "./gate_result.js";
import { refreshSoon } from "./regions.js";

const RETRY_MS = 5000;
const AT_ONCE = 200; // scans in one request
const page = { url: "", here: null, sending: false };

export async function startQueue(url, here) {
  Object.assign(page, { url, here });
  if (!("indexedDB" in window)) return;
  window.addEventListener("online", send);
  setInterval(send, RETRY_MS);
  for (const { outcome, scan } of await mine()) addRow({ outcome }, scan.at); // of this page before it was loaded again
  await send();
}

export async function queueScan({ nonce, name, outcome }) {
  const { event, gate, staff } = page.here;
  const [at, letIn] = [Date.now(), outcome === "admitted"];
  const scan = { nonce, fingerprint: name, at, offset: offset(), let_in: letIn, gate };
  await write("queue", nonce, { event, staff, outcome, scan });
  addRow({ outcome }, at);
  await showUnsent();
}

async function mine() {
  const rows = await readAll("queue");
  return rows.filter(({ staff }) => staff === page.here.staff);
}

async function send() {
  if (page.sending) return;
  page.sending = true;
  try {
    const rows = await mine();
    for (const event of new Set(rows.map((row) => row.event))) {
      await sendEvent(event, rows.filter((row) => row.event === event).slice(0, AT_ONCE).map((row) => row.scan));
    }
    if (rows.length) await onSent();
    else if (!document.querySelector("[data-offline]").hidden) await renew(); // whether the network is back
  } catch (error) {
    if (!(error instanceof NoNetwork)) throw error;
  } finally {
    page.sending = false;
    await showUnsent();
  }
}

async function sendEvent(event, scans) {
  const { status, body } = await post(page.url, { event, scans: JSON.stringify(scans) });
  if (status !== 200) return showProblem(body.detail); // not logged in any more, or not staff of this event: they are kept
  showProblem("");
  for (const nonce of Object.keys(body.results)) await remove("queue", nonce);
}

async function onSent() {
  await renew();
  refreshSoon();
}

function showProblem(detail) {
  const element = document.querySelector("[data-unsent-problem]");
  element.textContent = detail ?? "";
}

async function showUnsent() {
  const count = (await mine()).length;
  const element = document.querySelector("[data-unsent]");
  element.hidden = !count;
  element.querySelector("[data-unsent-count]").textContent = String(count);
}
