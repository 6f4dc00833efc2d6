// The admin's form of an event: tells, while a share is typed, how many places it comes to (rounded down, as served).
import { words } from "./words.js";

const capacity = document.getElementById("id_capacity");

function tell(input) {
  const note = document.querySelector(`#${input.id}_helptext span`);
  const percent = Number(input.value), places = Number(capacity.value);
  const isShare = Number.isInteger(percent) && percent > 0 && percent <= 100 && Number.isInteger(places) && places >= 0;
  if (isShare && capacity.value) note.textContent = words("share", { part: Math.floor((places * percent) / 100), places });
  else note.textContent = words(input.value && percent !== 0 ? "share_wrong" : "share_none");
}

for (const input of document.querySelectorAll("[data-share-of]")) {
  for (const field of [input, capacity]) field.addEventListener("input", () => tell(input));
}
