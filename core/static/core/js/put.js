// A text that changes in place, and is seen to have changed: a pulse of color, while it stands still.
const PULSE_MS = 1200;
const CHANGED = { color: "var(--accent)", boxShadow: "0 .125em 0 0 var(--accent)" };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// Return whether it is another text than was shown.
export function put(element, value) {
  const text = String(value);
  if (element.textContent.trim() === text) return false;
  element.textContent = text;
  if (!calm.matches) pulse(element);
  return true;
}

// It does not count from the old number to the new: those between never were, and to show them would be a lie. What changes
// again meanwhile stays in color and does not flash.
function pulse(element) {
  for (const running of element.getAnimations?.() ?? []) running.cancel();
  element.animate?.([{ ...CHANGED, offset: 0 }, { ...CHANGED, offset: 0.4 }], { duration: PULSE_MS, easing: "ease-out" });
}
