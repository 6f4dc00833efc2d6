// The socket is a hint, HTTP is the truth: fetch this page again and put its `data-region` parts in place of the old.
const TIMEOUT_MS = 15000;
const SUBMIT_PAUSE_MS = 5000; // a form is on its way; the page that answers it is fresh anyway
const served = new Map(); // region -> its HTML as last served, so that what did not change is not touched
let timer = null;
let due = 0;
let busy = false;
let wanted = null;
let pausedUntil = 0;

export function startRegions() {
  for (const region of document.querySelectorAll("[data-region]")) served.set(region.dataset.region, comparable(region));
  document.addEventListener("submit", ({ defaultPrevented: isOurs, target: form }) => {
    if (!isOurs && form.method !== "dialog") pausedUntil = performance.now() + SUBMIT_PAUSE_MS;
  });
  document.addEventListener("focusout", () => { if (wanted !== null) refreshSoon(wanted); });
}

// What is asked over the socket may lead to another page, which is fresh as well; 0 milliseconds: it does not.
export function pauseRefreshes(milliseconds) {
  pausedUntil = performance.now() + milliseconds;
  if (timer !== null) refreshSoon();
}

// A part that was changed here is no longer what the server sent: the next refresh replaces it in any case.
export function forgetServed(element) {
  served.delete(element.closest("[data-region]")?.dataset.region);
}

// Refresh within `spread` milliseconds (and 50); one at a time, the soonest wins.
export function refreshSoon(spread = 300) {
  if (!document.querySelector("[data-region]")) return; // there is nothing to replace
  const at = Math.max(performance.now() + 50 + Math.random() * spread, pausedUntil);
  if (busy) {
    wanted = Math.min(wanted ?? spread, spread);
  } else if (timer === null || at < due) {
    clearTimeout(timer);
    due = at;
    timer = setTimeout(refresh, at - performance.now());
  }
}

async function refresh() {
  timer = null;
  if (performance.now() < pausedUntil) return refreshSoon();
  busy = true;
  wanted = null;
  const askedAt = performance.now();
  try {
    const fresh = await fetchPage();
    if (fresh) replaceRegions(fresh, askedAt);
  } catch {
    // No network, or a server at its limit: the next message or poll tries again.
  }
  busy = false;
  if (wanted !== null && !isTyping()) refreshSoon(wanted);
}

async function fetchPage() {
  const headers = { Accept: "text/html", "X-Refresh": "regions" };
  const signal = AbortSignal.timeout?.(TIMEOUT_MS);
  const response = await fetch(location.href, { headers, signal, credentials: "same-origin", cache: "no-store" });
  const moved = response.status === 204 || (response.redirected && new URL(response.url).pathname !== location.pathname);
  if (moved) location.reload(); // the session has ended: the server says so, and where to go
  return response.ok && !moved ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
}

function replaceRegions(fresh, askedAt) {
  let news = false;
  for (const region of document.querySelectorAll("[data-region]")) {
    const next = fresh.querySelector(`[data-region="${CSS.escape(region.dataset.region)}"]`);
    if (!next || comparable(next) === served.get(region.dataset.region)) continue;
    if (region.contains(document.activeElement) && isTyping()) wanted = 300;
    else {
      news ||= region.dataset.region === "mine";
      replace(region, next);
    }
  }
  if (news) document.querySelector("ul.messages")?.remove(); // it spoke of what was before
  const servedAt = Date.parse(fresh.querySelector('meta[name="server-now"]')?.content);
  document.dispatchEvent(new CustomEvent("regions-replaced", { detail: { servedAt, askedAt } })); // numbers and clocks go on from what they know
}

function replace(old, next) {
  const name = old.dataset.region;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
  const open = [...old.querySelectorAll("details[open][id]")].map(({ id }) => id);
  served.set(name, comparable(next));
  old.replaceWith(document.adoptNode(next));
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused === null) return;
  const target = document.getElementById(focused) ?? next;
  if (target === next) next.tabIndex = -1;
  target.focus({ preventScroll: true });
}

function isTyping() {
  return document.activeElement?.matches("input:not([type=hidden]), textarea, select") ?? false;
}

function comparable(region) {
  return region.outerHTML.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
}
