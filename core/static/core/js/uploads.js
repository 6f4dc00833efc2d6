// A picture that is too large is said to be so before it is sent: a server in front of ours may drop the whole form.
import { words } from "./words.js";

export function startUploads(inputs) {
  for (const input of inputs) input.addEventListener("change", () => check(input));
}

function check(input) {
  const most = Number(input.dataset.mostBytes);
  const isTooLarge = [...input.files].some(({ size }) => size > most);
  input.setCustomValidity(isTooLarge ? words("picture_too_large", { megabytes: Math.floor(most / 2 ** 20) }) : "");
  input.reportValidity();
}
