// Join, book and release over the open socket. The form's own way is for pages without one, and for want of an answer; it
// leads away from the page, and so is taken only where somebody answers there.
import { applyHold } from "./places.js";
import { pauseRefreshes, refreshSoon } from "./regions.js";
import { announce } from "./status.js";
import { grouped, words } from "./words.js";

const ANSWER_MS = 3000;
const REST_MS = 1000;
let restUntil = 0;
const asked = new Map(); // key -> what is being asked; nothing is asked twice at a time
const OUTCOMES = {
  booked: ({ ticket }) => location.assign(`/ticket/${encodeURIComponent(ticket)}/#booked`),
  held: showPlace,
  waiting: showPlace,
  released: showEnd,
  left: showEnd,
  login_required: (result, ask) => submit(ask), // its answer leads to the login, and back
};

export function startAsking(say) {
  window.addEventListener("online", () => document.querySelector("ul.messages[data-offline]")?.remove());
  // While capturing: to regions.js, a form that is submitted is one that leads to another page.
  document.addEventListener("submit", (event) => onSubmit(event, say), true);
  document.addEventListener("regions-replaced", restWhatEnds);
}

function onSubmit(event, say) {
  const form = event.target;
  const type = form.dataset.ask;
  if (!type) return;
  const id = Number(form.closest("[data-event]").dataset.event);
  const key = `${type} ${id}`;
  if (asked.has(key)) {
    event.preventDefault(); // a double click
  } else if (!navigator.onLine) {
    event.preventDefault();
    showRefusal({ detail: words("offline") });
    document.querySelector("ul.messages").dataset.offline = "";
  } else {
    event.preventDefault();
    begin(key, { event: id, form, button: form.querySelector("button"), isSent: say({ type, event: id, key }) });
  }
}

// Not `disabled`, which takes the focus away: the words tell that a second press does nothing.
function begin(key, ask) {
  const text = ask.button.firstChild;
  ask.idle = text.textContent;
  text.textContent = ask.form.dataset.doing;
  ask.button.setAttribute("aria-disabled", "true");
  announce(ask.form.dataset.doing);
  ask.timer = setTimeout(goByForm, ask.isSent ? ANSWER_MS : 0, key);
  asked.set(key, ask);
  pauseRefreshes(3 * ANSWER_MS);
}

async function goByForm(key) {
  const isThere = await isReachable();
  const ask = end(key);
  if (!ask) return; // answered meanwhile
  if (isThere) return submit(ask);
  restore(ask);
  const [sent, unsent] = navigator.onLine ? ["unanswered", "away"] : ["no_answer", "offline"];
  showRefusal({ detail: words(ask.isSent ? sent : unsent) });
}

function isReachable() {
  const asking = fetch("/healthz", { cache: "no-store", credentials: "omit" }).then(({ ok }) => ok, () => false);
  return Promise.race([asking, new Promise((resolve) => { setTimeout(resolve, ANSWER_MS, false); })]);
}

function end(key) {
  const ask = asked.get(key);
  if (!ask) return null;
  asked.delete(key);
  clearTimeout(ask.timer);
  return ask;
}

export function applyResult(result) {
  const ask = end(result.key);
  if (!ask) return; // too late: the form is on its way, and writes the same
  const outcome = OUTCOMES[result.status] ?? showRefusal;
  if (result.status !== "booked") restore(ask);
  outcome(result, ask);
  restUntil = Date.now() + REST_MS;
  restWhatEnds();
}

// A second press is not meant for what has just come under the pointer: "Leave the line" in place of "Join the line", or
// the next hold's "Release". A button with the focus was not put there by the page.
function restWhatEnds() {
  const pause = restUntil - Date.now();
  if (pause <= 0) return;
  for (const button of document.querySelectorAll('form[data-ask="release"] button:enabled')) {
    if (button === document.activeElement) continue;
    button.disabled = true;
    setTimeout(() => { button.disabled = false; }, pause);
  }
}

function restore({ button, idle }) {
  button.firstChild.textContent = idle;
  button.removeAttribute("aria-disabled");
  pauseRefreshes(0);
}

// The page may have been refreshed meanwhile: the form as it is now, or none if there is nothing left to do.
function submit(ask) {
  restore(ask);
  const form = ask.form.isConnected ? ask.form : document.querySelector(`[data-event="${ask.event}"] form[data-ask="${ask.form.dataset.ask}"]`);
  if (!form) return refreshSoon();
  delete form.dataset.ask;
  form.requestSubmit();
}

function showPlace({ status, expires_at: until = null, position = null }, { event }) {
  applyHold({ event, status, expires_at: until, position });
  announce(status === "held" ? words("held") : words("waiting", { position: grouped(position) }));
}

function showEnd({ status }, { event }) {
  applyHold({ event, status });
  announce(words(status === "left" ? "left" : "released"));
}

function showRefusal({ detail }) {
  const messages = document.querySelector("template[data-refusal]").content.cloneNode(true);
  messages.querySelector("[data-detail]").textContent = detail;
  document.querySelector("ul.messages")?.remove();
  document.getElementById("main").prepend(messages);
  announce(detail);
}
