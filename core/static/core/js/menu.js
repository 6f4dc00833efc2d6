// The entries on top of a phone's page, which scroll sideways: the current one, and the one with the focus, are shown whole.
export function startMenu() {
  showCurrent();
  document.addEventListener("regions-replaced", showCurrent);
  document.addEventListener("focusin", ({ target }) => show(target));
}

function showCurrent() {
  show(document.querySelector(".nav--main [aria-current]"));
}

// Sideways alone: `scrollIntoView` would take the page along.
function show(link) {
  const list = link?.closest(".nav--main ul");
  if (!list) return;
  const entry = link.getBoundingClientRect(), room = list.getBoundingClientRect();
  list.scrollLeft += Math.max(0, entry.right - room.right) + Math.min(0, entry.left - room.left);
}
