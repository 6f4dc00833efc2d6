// A hold or a place in line, drawn into the page from its templates (parts/place_templates.html): thousands of pages
// that get one at an opening would ask the server for 50 KB each at the same moment.
import { forgetServed } from "./regions.js";
import { fill as fillWords, timeIn } from "./words.js";

const FORMER = ".sentence, .why, .position, .opening, .mine, .card__clock";
const ROW = ".badge, .actions"; // all that a line of the list has room for

// Return whether it could be drawn. Where more is to be said than how long, or which number, the server says it.
export function drawPlace(hold, cards) {
  const template = document.querySelector(`template[data-place="${hold.status}"]`);
  const isSaid = cards.every(({ dataset }) => dataset.paused === "true" || (hold.status === "waiting" && dataset.onSale !== "true"));
  if (!template || isSaid) return false;
  const drawn = [...cards.filter((card) => !card.closest("[data-mine]")), ...listed(hold, cards)];
  for (const card of drawn) draw(card, hold, template.content.cloneNode(true));
  document.dispatchEvent(new Event("regions-replaced")); // clocks and titles read what is there now
  return true;
}

// The dashboard's own list of holds, or of places in line: its card is made of the one that the page has.
function listed(hold, cards) {
  const list = document.querySelector(`[data-mine="${hold.status}"]`);
  if (!list) return [];
  const source = cards.find((card) => card.closest("[data-mine]")) ?? cards[0];
  const card = source.cloneNode(true);
  for (const element of card.querySelectorAll("[id]")) element.id = element.id.replace(/^[a-z]+/, hold.status);
  card.className = `card card--${hold.status}`;
  card.querySelector(".badge")?.closest("p").remove();
  card.querySelector(".row__numbers")?.remove();
  card.querySelector(".row__title")?.classList.replace("row__title", "card__title");
  if (source.closest("[data-mine]")) source.remove();
  list.querySelector("ul").append(card);
  for (const each of document.querySelectorAll("[data-mine]")) each.hidden = !each.querySelector("li");
  document.querySelector("[data-mine-none]")?.remove();
  document.querySelector(`[data-lapsed="${hold.event}"]`)?.remove();
  for (const notice of document.querySelectorAll("[data-lapses]")) notice.hidden = !notice.querySelector("li");
  return [card];
}

function draw(card, hold, part) {
  const former = card.querySelector(".actions");
  const hasFocus = former.contains(document.activeElement);
  Object.assign(card.dataset, { placeStatus: hold.status, expires: hold.expires_at ?? "", state: hold.status, reason: "" });
  card.classList.remove("is-turn");
  forgetServed(card);
  fill(part, hold, card);
  for (const old of card.querySelectorAll(FORMER)) old.remove();
  const [badge, ...parts] = [...part.children].filter((element) => !card.matches(".row") || element.matches(ROW));
  const [first, ...others] = card.querySelectorAll(".badge");
  first?.replaceWith(badge);
  for (const other of others) other.remove();
  former.replaceWith(...parts.filter((element) => !element.matches(".notify") || !card.querySelector(".notify")));
  if (!hasFocus) return;
  card.tabIndex = -1; // not the next button, which would be pressed by who presses twice
  card.focus({ preventScroll: true });
}

function fill(part, hold, card) {
  const title = card.querySelector(".row__title a, .card__title a");
  const name = (title ?? document.querySelector("h1")).textContent.trim();
  const where = title?.id.split("-")[0] ?? "detail";
  fillForms(part, { event: hold.event, name, where });
  const until = part.querySelector("[data-until]");
  if (until) until.textContent = fillWords(until.textContent, { at: timeIn(card.dataset, hold.expires_at) });
  const clock = part.querySelector("[data-countdown]");
  if (clock) Object.assign(clock.dataset, { countdown: hold.expires_at, name });
}

// The forms of a template as those of an event; `where` keeps their ids apart from those of its other cards.
export function fillForms(part, { event, name, where }) {
  for (const form of part.querySelectorAll("form")) {
    form.setAttribute("action", form.getAttribute("action").replace("/0/", `/${event}/`));
    form.querySelector("button").id = `${where}-${form.dataset.name}-${event}`;
    const span = form.querySelector("button span");
    span.textContent = fillWords(span.textContent, { name });
  }
}
