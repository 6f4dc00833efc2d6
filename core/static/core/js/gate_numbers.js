// Who is in, of all gates together, changed in place: on a page of one event, and in a list of many.
import { put } from "./put.js";
import { grouped } from "./words.js";

export function applyGate(numbers) {
  for (const name of ["admitted", "expected"]) {
    for (const element of document.querySelectorAll(`[data-gate-number="${name}"]`)) {
      const owner = element.closest("[data-event]")?.dataset.event ?? String(numbers.event);
      if (owner === String(numbers.event)) put(element, grouped(numbers[name]));
    }
  }
  document.dispatchEvent(new Event("gate-changed"));
}
