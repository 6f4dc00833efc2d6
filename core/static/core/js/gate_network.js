// Asking the server from a gate that may have no network: an answer, or NoNetwork soon enough for those who wait.
const PATIENCE_MS = 4000;
const REST_MS = 5000; // after a failure scans are judged here at once; one in so many milliseconds tries the network
const SERVER_ERROR = 500;
let triedAt = -REST_MS;

export class NoNetwork extends Error {}

export function isReachable() {
  if (!navigator.onLine) show(false);
  return navigator.onLine && performance.now() - triedAt >= REST_MS;
}

export function post(url, fields) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  return ask(url, { method: "POST", body: new URLSearchParams(fields), headers: { "X-CSRFToken": token } });
}

export async function ask(url, { headers = {}, ...options } = {}) {
  const signal = AbortSignal.timeout?.(PATIENCE_MS);
  const asked = { credentials: "same-origin", cache: "no-store", signal, ...options };
  try {
    const response = await fetch(url, { ...asked, headers: { Accept: "application/json", ...headers } });
    if (response.status >= SERVER_ERROR) throw new NoNetwork(); // at its limit, or its proxy is alone
    const body = await response.json();
    show(true);
    return { status: response.status, body };
  } catch (error) {
    triedAt = performance.now();
    show(false);
    throw error instanceof NoNetwork ? error : new NoNetwork(error.message);
  }
}

function show(reached) {
  if (reached) triedAt = -REST_MS;
  document.querySelector("[data-offline]").hidden = reached;
}
