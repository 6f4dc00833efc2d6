// The entries on top of a phone's page, which scroll sideways: the current one, and the one with the focus, are shown whole.
let current = "";

export function startMenu() {
  showCurrent();
  document.addEventListener("regions-replaced", showCurrent);
  document.addEventListener("focusin", ({ target }) => show(target));
}

// Once for each: whoever has swiped on is not taken back when the page is refreshed.
function showCurrent() {
  const link = document.querySelector(".nav--main [aria-current]");
  if (link?.href === current) return;
  current = link?.href;
  show(link);
}

// Sideways alone: `scrollIntoView` would take the page along.
function show(link) {
  const list = link?.closest(".nav--main ul");
  if (!list) return;
  const entry = link.getBoundingClientRect(), room = list.getBoundingClientRect();
  list.scrollLeft += Math.max(0, entry.right - room.right) + Math.min(0, entry.left - room.left);
}
