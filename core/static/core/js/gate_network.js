// Asking the server from a gate that may have no network: an answer, or NoNetwork soon enough for those who wait.
const SCAN_MS = 4000; // somebody stands at the gate
const REST_MS = 5000; // after a failure scans are judged here at once; one in so many milliseconds tries the network
const SERVER_ERROR = 500;
const FORBIDDEN = 403;
let triedAt = -REST_MS;

export class NoNetwork extends Error {}

window.addEventListener("offline", () => show(false));

export function isReachable() {
  if (!navigator.onLine) show(false);
  return navigator.onLine && performance.now() - triedAt >= REST_MS;
}

export async function post(url, fields, patience) {
  const send = () => ask(url, { method: "POST", body: new URLSearchParams([...fields, ["csrfmiddlewaretoken", token()]]) }, patience);
  const answer = await send();
  if (answer.status !== FORBIDDEN || answer.body.status !== "csrf_failed") return answer;
  await renewTokens(); // somebody logged in again in another tab
  return send();
}

export async function ask(url, options = {}, patience = SCAN_MS) {
  try {
    const response = await request(url, "application/json", options, patience);
    const body = await response.json(); // whatever else answers, such as the portal of a network, is not our server
    show(true);
    return { status: response.status, body };
  } catch (error) {
    if (patience === SCAN_MS) triedAt = performance.now(); // what may take long says nothing about scans
    show(false);
    throw new NoNetwork(error.message);
  }
}

async function request(url, accept, options, patience) {
  const signal = AbortSignal.timeout?.(patience);
  const response = await fetch(url, { credentials: "same-origin", cache: "no-store", signal, headers: { Accept: accept }, ...options });
  if (response.status >= SERVER_ERROR) throw new NoNetwork(); // at its limit, or its proxy is alone
  return response;
}

function token() {
  return document.querySelector("[name=csrfmiddlewaretoken]").value;
}

async function renewTokens() {
  const page = await (await request(location.href, "text/html", {}, SCAN_MS)).text();
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("[name=csrfmiddlewaretoken]");
  for (const input of document.querySelectorAll("[name=csrfmiddlewaretoken]")) input.value = fresh?.value ?? input.value;
}

function show(reached) {
  if (reached) triedAt = -REST_MS;
  document.querySelector("[data-no-network]").hidden = reached;
}
