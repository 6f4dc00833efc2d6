// The banner that says that it is one's turn, while the button that books is out of sight; where it is in sight, its card
// lights up instead. One for all turns: it must not lie over what they are about (parts/place_templates.html).
import { fillForms } from "./draw_place.js";
import { listed, words } from "./words.js";

const turns = new Map(); // event -> the `name`, `title`, `body` and `href` of a turn that the person has not seen yet
const sight = new IntersectionObserver(onSight, { threshold: 1 });

export function showTurn(event, told) {
  turns.set(event, told);
  look();
}

export function hideTurns(isOver) {
  for (const event of turns.keys()) if (isOver(event)) turns.delete(event);
  look();
}

// The buttons as they are now: a region that is fetched anew has others.
function look() {
  sight.disconnect();
  for (const button of document.querySelectorAll("[data-place-status=held] [data-ask=book] button")) {
    if (turns.has(eventOf(button))) sight.observe(button);
  }
  draw();
}

function onSight(entries) {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || !turns.delete(eventOf(target))) continue;
    target.closest("[data-event]").classList.add("is-turn");
  }
  draw();
}

function eventOf(button) {
  return button.closest("[data-event]").dataset.event;
}

function draw() {
  const place = document.querySelector("[data-turns]");
  const shown = [...turns.keys()].join(" ");
  if (!place || place.dataset.turns === shown) return;
  place.dataset.turns = shown;
  place.replaceChildren(...(turns.size ? [bannerOf([...turns])] : []));
}

function bannerOf([[event, { name, title, body, href }], ...others]) {
  const banner = document.querySelector("template[data-turn]").content.firstElementChild.cloneNode(true);
  const link = banner.querySelector("[data-turn-title]");
  const names = [name, ...others.map(([, other]) => other.name)];
  link.textContent = others.length ? words("turn", { name: listed(names) }) : title;
  banner.querySelector("[data-turn-body]").textContent = others.length ? "" : body;
  banner.querySelector("[data-turn-all]").hidden = !others.length;
  if (others.length) {
    banner.querySelector("form").remove();
    link.removeAttribute("href");
  } else {
    banner.dataset.event = event;
    link.href = href;
    fillForms(banner, { event, name, where: "turn" });
  }
  banner.querySelector("[data-turn-close]").addEventListener("click", () => {
    document.getElementById("main").focus({ preventScroll: true }); // the button goes, and the focus with it
    turns.clear();
    draw();
  });
  return banner;
}
