// The admin's form of an event: tells, while a share is typed, how many places it comes to (rounded down, as served).
const capacity = document.getElementById("id_capacity");

function tell(input) {
  const note = document.querySelector(`#${input.id}_helptext span`);
  const percent = Number(input.value), places = Number(capacity.value);
  const isShare = Number.isInteger(percent) && percent > 0 && percent <= 100 && Number.isInteger(places) && places >= 0;
  if (isShare && capacity.value) note.textContent = `${Math.floor((places * percent) / 100)} of ${places} places.`;
  else note.textContent = input.value && percent !== 0 ? "A whole percent, up to 100." : "Empty: not served first.";
}

for (const input of document.querySelectorAll("[data-share-of]")) {
  for (const field of [input, capacity]) field.addEventListener("input", () => tell(input));
}
