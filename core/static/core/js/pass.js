// A ticket on the whole screen, for the gate: white, awake, and of the state that the page knows.
import { keepAwake, letSleep } from "./awake.js";

let dialog = null;

export function startPass(element) {
  window.addEventListener("load", sayOnce);
  if (!element?.showModal) return;
  dialog = element;
  document.documentElement.dataset.door = "can-open"; // shows the buttons, also those of a region that comes later
  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-door-open]")) open();
    else if (target.closest("[data-door-close]")) dialog.close();
  });
  dialog.addEventListener("close", onClose);
  document.addEventListener("regions-replaced", onNews);
}

// To whoever reloads or keeps the address, it is nothing new; what `:target` shows by now stays.
function sayOnce() {
  if (location.hash === "#booked") history.replaceState(null, "", location.pathname + location.search);
}

function open() {
  dialog.showModal();
  stayAwake();
}

function onClose() {
  stayAwake();
  // The button may have come anew meanwhile, or be gone with the ticket.
  const next = document.querySelector("[data-door-open]") ?? document.querySelector("main");
  next.focus({ preventScroll: true });
}

// A ticket that the page does not show any more, since it was given away, must not stay on the screen.
function onNews() {
  const shown = document.querySelector("[data-ticket-code]")?.dataset.ticket;
  if (shown !== state()) dialog.close();
  stayAwake();
}

function stayAwake() {
  if (dialog.open && state() === "valid") keepAwake();
  else letSleep();
}

function state() {
  return dialog.querySelector("[data-door-state]").dataset.doorState;
}
