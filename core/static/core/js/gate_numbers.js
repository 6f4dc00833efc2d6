// Who is in, of all gates together, changed in place.
export function applyGate(numbers) {
  for (const name of ["admitted", "expected"]) {
    for (const element of document.querySelectorAll(`[data-gate-number="${name}"]`)) {
      const text = String(numbers[name]);
      if (element.textContent !== text) element.textContent = text;
    }
  }
  document.dispatchEvent(new Event("gate-changed"));
}
