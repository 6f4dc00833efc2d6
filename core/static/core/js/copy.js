// Copies the text a button names; where the browser does not let us, it is marked for the person to copy.
import { announce } from "./status.js";
import { words } from "./words.js";

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = words("copied");
    announce(words("copied"));
  } catch {
    getSelection().selectAllChildren(source);
    announce(words("marked"));
  }
}

export function startCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", () => copy(button));
}
