// What reaches a person who looks elsewhere: the window's title says that it is their turn, and how long a hold lasts or a
// sale stays closed or that it is open; who looks at another part of the page sees a banner, and a chime is heard.
import { serverNow } from "./clock.js";
import { isLooking, notify } from "./notify.js";
import { canPlay, play } from "./sound.js";
import { announce } from "./status.js";
import { hideTurns, showTurn } from "./turn.js";
import { listed, timeIn, words } from "./words.js";

const OWN = ":is([data-region=state], [data-region=mine])"; // what the page is about: not one of a list
const OPENING = `${OWN} :not([hidden]) > [data-opening][data-soon]`;
const MOMENT_MS = 1000;
const CHIME = [[660, 0.14], [880, 0.14], [1320, 0.24]];
const served = document.title;
const AWAITED = new Set(["waiting", "not_yet"]); // who was there at an opening is held a ticket without having joined
const turns = new Map(); // event -> name, of the holds that were awaited and that nobody has looked at yet
const opened = new Map(); // the same of sales that the page has waited for
const said = new Set();
const together = new Set(); // names of sales that opened at the same moment, which are told in one sentence
let cards = new Map(); // event -> what the page shows of it: its `state`, and the `placeStatus` of the viewer
let shown = served;

export function startAttention() {
  cards = shownCards();
  document.addEventListener("regions-replaced", compare);
  for (const name of ["focus", "visibilitychange"]) window.addEventListener(name, showTitle);
}

// Whether a hold is one's turn, by what the card showed before; else the person has just asked for it.
export function isAwaited(card) {
  return AWAITED.has(card?.state);
}

// Somebody's own doing elsewhere, as a message tells it.
export function endTurn(event) {
  turns.delete(String(event));
  hideTurns((shown) => shown === String(event));
}

// What was awaited became a hold, as a message or the page fetched anew tells; both may, and only the first is said.
export function tellTurn(card, until) {
  const { event } = card.dataset;
  const [name, link] = nameOf(card);
  turns.set(event, name);
  showTitle();
  const tag = `turn ${event} ${Date.parse(until)}`;
  if (said.has(tag)) return;
  said.add(tag);
  announce(words("turn_said", { name }));
  const told = { title: words("turn", { name }), body: words("turn_body", { time: timeIn(card.dataset, until) }) };
  showTurn(event, { ...told, name, until, href: link?.href ?? location.pathname });
  notify({ tag, ...told });
  chime(tag);
}

// In one tab of this browser alone, of those that can be heard: each of them is told, and in the same moment.
async function chime(tag) {
  if (!(await canPlay())) return;
  if (!("locks" in navigator)) return play(CHIME);
  const heard = (lock) => lock && play(CHIME).then(() => new Promise((end) => setTimeout(end, MOMENT_MS)));
  return navigator.locks.request(`chime ${tag}`, { ifAvailable: true }, heard);
}

// A sale that the page showed before it began; whoever has a hold or a ticket by now was told more.
export function tellOpening(card) {
  const { event, onSale, paused, placeStatus, ticket } = card.dataset;
  const isNews = cards.get(event)?.onSale === "false" && onSale === "true" && !said.has(`sale ${event}`);
  if (!isNews || paused === "true" || placeStatus === "held" || ticket) return;
  said.add(`sale ${event}`);
  const [name] = nameOf(card);
  if (card.closest(OWN)) opened.set(event, name);
  together.add(name);
  setTimeout(() => together.delete(name), MOMENT_MS);
  announce(words("on_sale", { name: listed([...together]) }));
  showTitle();
}

// The clocks call it with every tick, so the title changes once a second, as the soonest of them does.
export function showTitle() {
  if (isLooking()) [turns, opened].forEach((news) => news.clear());
  const title = timeTitle() ?? turnTitle() ?? openedTitle() ?? openingTitle() ?? served;
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

function openedTitle() {
  const [name] = opened.values();
  return name && words("on_sale_title", { name });
}

function openingTitle() {
  const clock = document.querySelector(OPENING);
  return clock && words("opens_title", { opens: clock.textContent, name: clock.dataset.name });
}

function compare() {
  const before = cards;
  for (const card of placeCards()) tellOpening(card);
  cards = shownCards();
  for (const event of opened.keys()) if (cards.get(event)?.onSale !== "true") opened.delete(event);
  for (const event of turns.keys()) if (!cards.get(event)?.placeStatus) turns.delete(event);
  hideTurns(hasEnded);
  for (const tag of said) if (tag.startsWith("turn ") && hasEnded(tag.split(" ")[1])) said.delete(tag);
  const lapsed = [...placeCards()].filter((card) => hasLapsed(before.get(card.dataset.event), card));
  if (lapsed.length) announce(words("lapsed", { name: listed(new Set(lapsed.map((card) => nameOf(card)[0]))) }));
  for (const card of placeCards()) {
    const { event, expires, placeStatus } = card.dataset;
    if (placeStatus === "held" && isAwaited(before.get(event))) tellTurn(card, expires);
  }
  showTitle();
}

function hasLapsed(before, { dataset: { placeStatus, ticket } }) {
  return before?.placeStatus === "held" && !placeStatus && !ticket && Date.parse(before.expires) <= serverNow();
}

// Or the page was made before the hold, and comes after it: the next one tells it again.
function hasEnded(event) {
  return !cards.get(event)?.placeStatus;
}

function placeCards() {
  return document.querySelectorAll("[data-place-status]");
}

function shownCards() {
  return new Map([...placeCards()].map(({ dataset }) => [dataset.event, { ...dataset }]));
}

// The event of a card, and the link to it, if there is one.
function nameOf(card) {
  const link = card.querySelector("h2 a, h3 a");
  return [(link ?? document.querySelector("h1")).textContent.trim(), link];
}
