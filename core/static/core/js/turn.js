// The banner that says that it is one's turn, however far the page is scrolled (parts/place_templates.html).
export function showTurn(event, { title, body, href }) {
  const template = document.querySelector("template[data-turn]");
  if (!template) return;
  const banner = template.content.firstElementChild.cloneNode(true);
  banner.dataset.turnOf = event;
  banner.querySelector("[data-turn-title]").textContent = title;
  banner.querySelector("[data-turn-body]").textContent = body;
  banner.querySelector("a").href = href;
  banner.querySelector("button").addEventListener("click", () => {
    document.getElementById("main").focus({ preventScroll: true }); // the button goes, and the focus with it
    banner.remove();
  });
  document.querySelector("[data-turns]").append(banner);
}

export function hideTurns(isOver) {
  for (const banner of document.querySelectorAll("[data-turn-of]")) {
    if (isOver(banner.dataset.turnOf)) banner.remove();
  }
}
