// What reaches a person who looks elsewhere: the window's title says that it is their turn, and how long a hold lasts.
import { isLooking, notify } from "./notify.js";
import { announce } from "./status.js";
import { moment, words } from "./words.js";

const served = document.title;
const turns = new Map(); // event -> name, of the holds from the line that nobody has looked at yet
const said = new Set();
let statuses = new Map(); // event -> status of the viewer's place, as the page shows it
let shown = served;

export function startAttention() {
  statuses = shownStatuses();
  document.addEventListener("regions-replaced", compare);
  for (const name of ["focus", "visibilitychange"]) window.addEventListener(name, showTitle);
}

// A place in line became a hold, as a message or the page fetched anew tells; both may, and only the first is said.
export function tellTurn(card, until) {
  const { event } = card.dataset;
  const name = (card.querySelector("h2 a, h3 a") ?? document.querySelector("h1")).textContent.trim();
  turns.set(event, name);
  showTitle();
  const tag = `turn ${event} ${Date.parse(until)}`;
  if (said.has(tag)) return;
  said.add(tag);
  announce(words("turn_said", { name }));
  notify({ tag, title: words("turn", { name }), body: words("turn_body", { time: time(until) }) });
}

// The clocks call it with every tick, so the title changes once a second, as the soonest of them does.
export function showTitle() {
  if (isLooking()) turns.clear();
  const title = timeTitle() ?? turnTitle() ?? served;
  if (title !== shown) document.title = title;
  shown = title;
}

function timeTitle() {
  const clocks = [...document.querySelectorAll("[data-countdown][data-urgent]")];
  const [soonest] = clocks.sort((a, b) => Date.parse(a.dataset.countdown) - Date.parse(b.dataset.countdown));
  return soonest && words("time_title", { time: soonest.textContent.replace(/^0/, ""), name: soonest.dataset.name });
}

function turnTitle() {
  const [name] = turns.values();
  return name && words("turn_title", { name });
}

function compare() {
  const before = statuses;
  statuses = shownStatuses();
  for (const event of turns.keys()) if (!statuses.get(event)) turns.delete(event);
  for (const card of placeCards()) {
    const { event, expires, placeStatus } = card.dataset;
    if (placeStatus === "held" && before.get(event) === "waiting") tellTurn(card, expires);
  }
  showTitle();
}

function placeCards() {
  return document.querySelectorAll("[data-place-status]");
}

function shownStatuses() {
  return new Map([...placeCards()].map(({ dataset }) => [dataset.event, dataset.placeStatus]));
}

function time(iso) {
  return moment(iso, { hour: "2-digit", minute: "2-digit" });
}
