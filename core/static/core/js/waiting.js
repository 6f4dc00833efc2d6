// The whole script of the static waiting page (manage.py waiting_page), which may lie on a CDN: no cookies, no socket.
const POLL_MS = 5000;
const LONGEST_POLL_MS = 60000;
const TIMEOUT_MS = 10000;
const page = document.querySelector("[data-waiting]");
const go = page.querySelector("[data-go]");
const { href } = go;
const numbers = new Intl.NumberFormat(`${document.documentElement.lang}-u-nu-latn`, { useGrouping: true });
let offset = 0; // from this device's clock to the server's, in milliseconds
let failed = 0; // times in a row
let isOpen = null;
let due = null;

// Every page asks at a moment of its own, and the less often, the worse the server fares.
function pollLater() {
  clearTimeout(due);
  const pause = Math.min(LONGEST_POLL_MS, POLL_MS * 2 ** failed);
  due = setTimeout(poll, pause * (0.5 + Math.random()));
}

async function poll() {
  if (document.hidden) return; // onVisibility goes on
  try {
    const signal = AbortSignal.timeout?.(TIMEOUT_MS);
    const response = await fetch(page.dataset.waiting, { credentials: "omit", signal });
    if (!response.ok) throw new Error(String(response.status));
    show(await response.json());
    failed = 0;
  } catch {
    failed += 1;
    if (failed === 2) say(page.dataset.unreachable);
  }
  pollLater();
}

function show(stats) {
  offset = Date.parse(stats.now) - Date.now(); // a CDN's copy is a second old at most
  for (const element of page.querySelectorAll("[data-number]")) {
    const number = numbers.format(stats[element.dataset.number]);
    if (element.textContent !== number) element.textContent = number;
  }
  if (failed > 1) say("");
  if (stats.on_sale) open();
}

function tick() {
  const seconds = Math.max(0, Math.ceil((Date.parse(page.dataset.opens) - Date.now() - offset) / 1000));
  if (seconds) close(seconds);
  else open();
  setTimeout(tick, 1000);
}

function close(seconds) {
  if (isOpen) return; // opened earlier than was written here: the server said so
  isOpen = false;
  go.removeAttribute("href");
  go.setAttribute("role", "link"); // without an address it is none by itself
  go.setAttribute("aria-disabled", "true");
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  page.querySelector("[data-clock]").textContent = parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function open() {
  if (isOpen) return;
  if (isOpen === false) say(page.dataset.opened);
  isOpen = true;
  go.href = href;
  go.removeAttribute("aria-disabled");
  page.querySelector("[data-clock]").textContent = page.dataset.open;
  page.querySelector("[data-before]").hidden = true; // what to do until then
}

function say(sentence) {
  page.querySelector("[data-said]").textContent = sentence;
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) pollLater(); });
tick();
poll();
