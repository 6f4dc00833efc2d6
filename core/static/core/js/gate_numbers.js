// Who is in, of all gates together, changed in place: on a page of one event, and in a list of many.
import { put } from "./put.js";
import { grouped } from "./words.js";

const latest = new Map(); // event -> its numbers, and when they came

// A page that was fetched may be older than what has come since it was asked for.
document.addEventListener("regions-replaced", ({ detail }) => {
  for (const { numbers, at } of latest.values()) if (at >= detail?.askedAt) show(numbers);
});

export function applyGate(numbers) {
  latest.set(numbers.event, { numbers, at: performance.now() });
  show(numbers);
  document.dispatchEvent(new Event("gate-changed"));
}

function show(numbers) {
  for (const name of ["admitted", "expected"]) {
    for (const element of document.querySelectorAll(`[data-gate-number="${name}"]`)) {
      const owner = element.closest("[data-event]")?.dataset.event ?? String(numbers.event);
      if (owner === String(numbers.event)) put(element, grouped(numbers[name]));
    }
  }
}
