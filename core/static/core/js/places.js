// What belongs to the viewer: holds, places in line, tickets. Positions change in place; the rest the server is asked for.
import { endTurn, isAwaited, tellTurn } from "./attention.js";
import { drawPlace } from "./draw_place.js";
import { cardsOf } from "./numbers.js";
import { put } from "./put.js";
import { refreshSoon } from "./regions.js";
import { announce } from "./status.js";
import { counted, grouped, words } from "./words.js";

const LAPSE_SPREAD_MS = 3000; // the holds of one opening lapse at one moment

export function applyPosition({ event, position, ahead, wait_seconds: wait }) {
  let isNews = false;
  for (const card of cardsOf(event)) {
    putIn(card, "[data-position]", grouped(position));
    isNews = putIn(card, "[data-ahead]", peopleAhead(ahead)) || isNews;
    if (wait !== undefined) putIn(card, "[data-wait]", about(wait));
    if (!ahead && card.dataset.reason === "tier_first") refreshSoon(); // nobody is served before the first in line
  }
  if (isNews && !ahead) announce(words("next")); // of all steps this one alone: a line may move with every second
}

export function applyHold(hold) {
  const cards = placeCards(hold.event);
  if (hold.status !== "held") endTurn(hold.event);
  const shown = cards.every((card) => (isLive(hold) ? showsHold(card, hold) : !card.dataset.placeStatus));
  if (hold.status === "held" && isAwaited(cards[0]?.dataset)) tellTurn(cards[0], hold.expires_at);
  if (!shown && isLive(hold) && drawPlace(hold, cards)) showPosition(hold);
  else if (!shown || (isLive(hold) && !cards.length && showsAll())) refreshSoon(hold.status === "expired" ? LAPSE_SPREAD_MS : 300);
}

function showPosition({ event, status, position }) {
  if (status === "waiting" && position) applyPosition({ event, position, ahead: position - 1 });
}

export function applyTicket(ticket) {
  const cards = placeCards(ticket.event);
  const status = ticket.status === "cancelled" ? "" : ticket.status;
  if (!cards.every((card) => card.dataset.ticket === status) || (showsAll() && !cards.length)) refreshSoon();
  applyTicketPage(ticket);
}

// The page of one ticket, which shows whether it is valid, admitted or cancelled.
function applyTicketPage({ code, status }) {
  const page = document.querySelector("[data-ticket-code]");
  if (page?.dataset.ticketCode === code && page.dataset.ticket !== status) refreshSoon();
}

// After a reconnect: ask the server only if the page shows something else than the snapshot.
export function compareWith({ holds = [], tickets = [] }) {
  const live = holds.filter(isLive);
  const ticketed = new Set(tickets.filter(({ status }) => status !== "cancelled").map(({ event }) => String(event)));
  const cards = [...document.querySelectorAll("[data-place-status]")];
  const differs = cards.some((card) => {
    const hold = live.find(({ event }) => String(event) === card.dataset.event);
    const sameHold = hold ? showsHold(card, hold) : !card.dataset.placeStatus;
    return !sameHold || ticketed.has(card.dataset.event) !== Boolean(card.dataset.ticket);
  });
  const missing = showsAll() && live.some(({ event }) => !cardsOf(event).length);
  if (differs || missing) refreshSoon();
  for (const ticket of tickets) applyTicketPage(ticket);
  const page = document.querySelector('[data-ticket-code]:not([data-ticket="cancelled"])');
  if (page && !tickets.some(({ code }) => code === page.dataset.ticketCode)) refreshSoon();
  live.forEach(showPosition);
}

function isLive({ status }) {
  return status === "waiting" || status === "held";
}

function showsAll() {
  return document.querySelector("[data-live-all]") !== null;
}

function placeCards(event) {
  return [...cardsOf(event)].filter((card) => "placeStatus" in card.dataset);
}

function showsHold(card, hold) {
  const apart = Math.abs(Date.parse(card.dataset.expires) - Date.parse(hold.expires_at));
  return card.dataset.placeStatus === hold.status && (hold.status !== "held" || apart < 1000);
}

// Return whether anything changed.
function putIn(card, selector, text) {
  return [...card.querySelectorAll(selector)].map((element) => put(element, text)).includes(true);
}

// The same words as `core/templatetags/words.py`.
export function peopleAhead(ahead) {
  return ahead ? counted("ahead", ahead) : words("next");
}

export function about(seconds) {
  if (seconds === null) return words("wait_unknown");
  const minutes = Math.round(seconds / 60);
  return minutes < 1 ? words("wait_short") : counted("wait", minutes);
}
