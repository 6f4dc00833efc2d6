// Who is in, of all gates together, changed in place.
import { put } from "./put.js";
import { grouped } from "./words.js";

export function applyGate(numbers) {
  for (const name of ["admitted", "expected"]) {
    for (const element of document.querySelectorAll(`[data-gate-number="${name}"]`)) put(element, grouped(numbers[name]));
  }
  document.dispatchEvent(new Event("gate-changed"));
}
