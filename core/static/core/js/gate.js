// The gate: codes come from the camera, a hand scanner or the keyboard; the server judges each, or the device's list.
import { startGateCamera } from "./gate_camera.js";
import { startForms } from "./gate_forms.js";
import { listenForCodes } from "./gate_input.js";
import { prepareOffline } from "./gate_install.js";
import { fingerprint, mark, startList } from "./gate_list.js";
import { isReachable, NoNetwork, post } from "./gate_network.js";
import { newNonce } from "./gate_nonce.js";
import { scanOffline, startQueue } from "./gate_queue.js";
import { showResult } from "./gate_result.js";
import { canStore } from "./gate_store.js";
import { refreshSoon } from "./regions.js";

const OK = 200;
const REFUSED = { 401: "logged_out", 404: "gone" }; // others say what they are: own_ticket, invalid
const desk = document.querySelector("[data-gate]");
const here = { event: Number(desk.dataset.event), gate: desk.dataset.gate, staff: document.body.dataset.person };
let last = Promise.resolve(); // one scan after the other: the screen shows them in the order they were made
let unanswered = null; // the scan that nobody could judge: made again, it is the same one

function scan(code) {
  last = last.then(() => scanNow(code)).catch((error) => {
    showResult({ outcome: "refused" });
    throw error;
  });
}

async function scanNow(code) {
  const nonce = unanswered?.code === code ? unanswered.nonce : newNonce();
  const name = await fingerprint(code);
  unanswered = null;
  try {
    if (!isReachable()) throw new NoNetwork();
    await scanOnline({ code, nonce }, name);
  } catch (error) {
    if (!(error instanceof NoNetwork)) throw error;
    const result = await scanOffline({ nonce, name }); // the nonce of what the server may have stored, answer lost or not
    if (!result) unanswered = { code, nonce };
    showResult({ ...(result ?? { outcome: "unclear" }), offline: true });
  }
}

async function scanOnline(asked, name = null) {
  const { event, gate } = here;
  const { status, body } = await post(desk.dataset.scanUrl, Object.entries({ event, gate, ...asked }));
  if (status === OK) {
    showResult(body);
    refreshSoon();
    if (canStore()) await mark(name, body);
  } else showResult({ outcome: REFUSED[status] ?? body.status, detail: body.detail });
}

// The address says which gate it is, also after a form's answer: a reload goes on here.
history.replaceState(null, "", `/checkin/?${new URLSearchParams({ event: here.event, gate: here.gate })}`);
listenForCodes(desk.querySelector("[data-scan]"), scan);
startForms(desk, scanOnline);
startGateCamera(desk, scan);
if (canStore()) {
  await startList(desk.dataset.listUrl, here);
  await startQueue(desk.dataset, here);
  desk.querySelector("[data-ready]").hidden = !(await prepareOffline(desk.dataset.workerUrl, [desk.dataset.wasm]));
}
