// Who is in, of all gates together, changed in place.
export function applyGate(numbers) {
  for (const name of ["admitted", "expected"]) {
    for (const element of document.querySelectorAll(`[data-gate-number="${name}"]`)) {
      if (element.textContent !== String(numbers[name])) element.textContent = numbers[name];
    }
  }
  document.dispatchEvent(new Event("gate-changed"));
}
