// The four numbers of events, changed in place. Older versions are dropped; an equal one may bring a new `waiting`.
import { tellOpening } from "./attention.js";
import { put } from "./put.js";
import { refreshSoon } from "./regions.js";
import { grouped } from "./words.js";

const NAMES = ["available", "held", "booked", "waiting", "capacity"];
const OPEN = new Set(["available", "line", "sold_out"]);
const SPREAD_MS = 2000; // every open page hears of a sale's start or end at the same moment
const LONGEST_SPREAD_MS = 120000;
const PAGES_A_SECOND = 20; // that a small server has to spare while it sells; the buttons work all the while
const latest = new Map();
let changedAt = 0; // when a sale last started, paused or ended: a page that was made before does not know

export function cardsOf(event) {
  return document.querySelectorAll(`[data-event="${CSS.escape(String(event))}"]`);
}

export function applyStats(stats) {
  const before = latest.get(stats.event);
  const isOld = before?.version > stats.version;
  if (!isOld) latest.set(stats.event, { ...stats, at: performance.now() });
  let news = Boolean(before) && !isOld && (before.on_sale !== stats.on_sale || before.paused !== stats.paused);
  for (const card of cardsOf(stats.event)) {
    if (stats.version < Number(card.dataset.version ?? 0)) continue;
    news = showNumbers(card, stats) || news;
    showState(card, stats);
  }
  if (news) document.dispatchEvent(new CustomEvent("numbers-changed", { detail: stats }));
}

// A page that was fetched may be older than what the socket has said since: the server shares its pages for a second.
export function showLatest({ detail }) {
  const servedAt = detail?.servedAt; // by the clock of the server; a page of the admin does not say
  if (servedAt < changedAt) refreshSoon(SPREAD_MS);
  for (const stats of latest.values()) {
    for (const card of cardsOf(stats.event)) {
      if (!isNewer(stats, Number(card.dataset.version ?? 0), detail)) continue;
      showNumbers(card, stats);
      showState(card, stats);
    }
  }
}

function isNewer(stats, version, { servedAt, askedAt } = {}) {
  const isLater = Number.isNaN(servedAt) ? stats.at >= askedAt : Date.parse(stats.now) > servedAt;
  return stats.version > version || (stats.version === version && isLater);
}

// Return whether they are others than were shown.
function showNumbers(card, stats) {
  card.dataset.version = stats.version;
  let news = false;
  for (const name of NAMES) {
    for (const element of card.querySelectorAll(`[data-number="${name}"]`)) news = put(element, grouped(stats[name])) || news;
  }
  const percentage = Math.round(stats.percentage_sold);
  for (const element of card.querySelectorAll("[data-percentage]")) put(element, percentage);
  for (const ring of card.querySelectorAll("[data-ring]")) ring.setAttribute("stroke-dasharray", `${percentage} 100`);
  for (const bar of card.querySelectorAll("[data-bar]")) bar.value = percentage;
  return news;
}

// A sale that starts, pauses or ends needs other words and buttons: the server's. Within a sale both buttons are in the page.
function showState(card, stats) {
  if (!card.dataset.state) return;
  const paused = String(Boolean(stats.paused));
  if (card.dataset.onSale !== String(stats.on_sale) || card.dataset.paused !== paused) {
    card.dataset.onSale = String(stats.on_sale);
    card.dataset.paused = paused;
    for (const clock of card.querySelectorAll(".opening")) clock.hidden = stats.on_sale;
    tellOpening(card);
    changedAt = Math.max(changedAt, Date.parse(stats.now));
    refreshSoon(spreadOf(stats));
  } else if (stats.on_sale && OPEN.has(card.dataset.state)) {
    card.dataset.state = openState(stats);
    const now = [card.dataset.state, fullState(stats)]; // also while people wait
    for (const element of card.querySelectorAll("[data-when]")) {
      element.hidden = !element.dataset.when.split(" ").some((when) => now.includes(when));
    }
  }
}

// The more people are there, the more pages are open, and the longer they take to ask for the words.
function spreadOf({ waiting, held }) {
  return Math.min(LONGEST_SPREAD_MS, Math.max(SPREAD_MS, (1000 * (waiting + held)) / PAGES_A_SECOND));
}

// Why no place is free: what is held may come back.
function fullState({ available, booked, capacity }) {
  if (available > 0) return "";
  return booked < capacity ? "all_held" : "all_booked";
}

function openState(stats) {
  if (stats.waiting > 0) return "line";
  return stats.available > 0 ? "available" : "sold_out";
}
