// The banner that says that it is one's turn, while the button that books is out of sight; where it is in sight, its card
// lights up instead. One for all turns: it must not lie over what they are about (parts/place_templates.html).
import { fillForms } from "./draw_place.js";
import { listed, words } from "./words.js";

const REST_MS = 1000; // a banner comes where a thumb may be on its way to something else
const MOST_SEEN = 0.9; // of a button; a whole one may never be reported where the page is zoomed
const turns = new Map(); // event -> the `name`, `title`, `body`, `href` and end (`until`) of a turn that nobody has seen yet
const seen = new Set(); // events whose cards are lit
let sight = null;

export function showTurn(event, told) {
  turns.set(event, told);
  seen.delete(event);
  queueMicrotask(look); // the card is drawn first
}

export function hideTurns(isOver) {
  for (const known of [turns, seen]) for (const event of known.keys()) if (isOver(event)) known.delete(event);
  look();
}

// The buttons as they are now: a region that is fetched anew has others. A page that nobody looks at is told nothing of
// sight, and draws its banner when somebody does.
function look() {
  sight?.disconnect();
  const buttons = [...document.querySelectorAll("[data-place-status=held] [data-ask=book] button")];
  for (const button of buttons) light(button.closest("[data-event]"));
  const awaited = buttons.filter((button) => turns.has(eventOf(button)));
  if (!awaited.length || !("IntersectionObserver" in window)) return draw();
  const under = turns.size > 1 ? document.querySelector("[data-turns]").offsetHeight : 0; // it goes on, of the others
  sight = new IntersectionObserver(onSight, { threshold: MOST_SEEN, rootMargin: `0px 0px -${under}px` });
  for (const button of awaited) sight.observe(button);
}

function onSight(entries) {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || !turns.delete(eventOf(target))) continue;
    seen.add(eventOf(target));
    light(target.closest("[data-event]"));
  }
  draw();
}

function light(card) {
  card.classList.toggle("is-turn", seen.has(card.dataset.event));
}

function eventOf(button) {
  return button.closest("[data-event]").dataset.event;
}

function draw() {
  const place = document.querySelector("[data-turns]");
  const shown = [...turns].map(([event, { body }]) => `${event} ${body}`).join();
  if (!place || place.dataset.turns === shown) return;
  const hadFocus = place.contains(document.activeElement);
  place.dataset.turns = shown;
  const soonest = [...turns].sort(([, one], [, other]) => Date.parse(one.until) - Date.parse(other.until));
  place.replaceChildren(...(turns.size ? [bannerOf(soonest)] : []));
  if (hadFocus) (place.querySelector("[data-turn-close]") ?? document.getElementById("main")).focus({ preventScroll: true });
}

function bannerOf([[event, { name, title, body, href, until }], ...others]) {
  const banner = document.querySelector("template[data-turn]").content.firstElementChild.cloneNode(true);
  const link = banner.querySelector("[data-turn-title]");
  const names = [name, ...others.map(([, other]) => other.name)];
  link.textContent = others.length ? words("turn", { name: listed(names) }) : title;
  banner.querySelector("[data-turn-body]").textContent = others.length ? "" : body;
  banner.dataset.event = event;
  Object.assign(banner.querySelector("[data-countdown]").dataset, { countdown: until, name });
  const all = banner.querySelector("[data-turn-all]");
  all.hidden = !others.length;
  if (others.length) {
    banner.querySelector("form").remove();
    link.removeAttribute("href");
    all.href += `#held-name-${event}`;
    all.addEventListener("click", close);
  } else {
    link.href = href;
    fillForms(banner, { event, name, where: "turn" });
    const book = banner.querySelector("form button");
    book.disabled = true;
    setTimeout(() => { book.disabled = false; }, REST_MS);
  }
  banner.querySelector("[data-turn-close]").addEventListener("click", close);
  return banner;
}

function close() {
  for (const event of turns.keys()) seen.add(event);
  turns.clear();
  look();
}
