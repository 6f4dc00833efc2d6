// The gate: codes come from the camera, a hand scanner or the keyboard; the server judges each, or the device's list.
import { startGateCamera } from "./gate_camera.js";
import { startForms } from "./gate_forms.js";
import { listenForCodes } from "./gate_input.js";
import { prepareOffline } from "./gate_install.js";
import { fingerprint, judge, mark, startList } from "./gate_list.js";
import { isReachable, NoNetwork, post } from "./gate_network.js";
import { queueScan, startQueue } from "./gate_queue.js";
import { showResult } from "./gate_result.js";
import { refreshSoon } from "./regions.js";

const LOGGED_OUT = 401;
const desk = document.querySelector("[data-gate]");
const form = desk.querySelector("[data-scan]");
const here = { event: Number(desk.dataset.event), gate: desk.dataset.gate, staff: Number(desk.dataset.staff) };
let last = Promise.resolve(); // one scan after the other: the screen shows them in the order they were made

function scan(code) {
  last = last.then(() => scanNow(code)).catch((error) => {
    showResult({ outcome: "refused" });
    throw error;
  });
}

async function scanNow(code) {
  const nonce = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // the first needs HTTPS
  const name = await fingerprint(code);
  try {
    if (!isReachable()) throw new NoNetwork();
    await scanOnline({ code, nonce, name });
  } catch (error) {
    if (!(error instanceof NoNetwork)) throw error;
    await scanOffline({ nonce, name });
  }
}

async function scanOnline({ code, nonce, name, ticket }) {
  const asked = ticket ? { ticket } : { code };
  const { status, body } = await post(desk.dataset.scanUrl, { event: here.event, gate: here.gate, nonce, ...asked });
  if (status === 200) {
    showResult(body);
    await mark(name, body);
    refreshSoon();
  } else showResult(status === LOGGED_OUT ? { outcome: "logged_out" } : { outcome: "refused", detail: body.detail });
}

// With the nonce of the scan that the server may have stored, though its answer was lost: told again, it is the same.
async function scanOffline({ nonce, name }) {
  const result = await judge(name);
  showResult({ ...result, offline: true });
  if (result.kept) await queueScan({ nonce, name, outcome: result.outcome });
}

// The address says which gate it is, also after a form's answer: a reload goes on here.
history.replaceState(null, "", `/checkin/?${new URLSearchParams({ event: here.event, gate: here.gate })}`);
listenForCodes(form, scan);
startForms(desk, (ticket) => scanOnline({ ticket, nonce: crypto.randomUUID?.() ?? String(Math.random()), name: null }));
startGateCamera(desk, scan);
await startList(desk.dataset.listUrl, here);
await startQueue(desk.dataset.syncUrl, here);
if (await prepareOffline(desk.dataset.workerUrl, [desk.dataset.wasm])) desk.querySelector("[data-ready]").hidden = false;
