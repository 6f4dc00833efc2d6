// The admin's list of events, and the page of one: their numbers follow the public socket, as on every page.
import { startLive } from "./live.js";

document.addEventListener("numbers-changed", ({ detail: { event, booked, capacity, percentage_sold: sold } }) => {
  for (const bar of document.querySelectorAll(`.sold[data-event="${CSS.escape(String(event))}"] progress`)) {
    bar.max = Math.max(capacity, 1);
    bar.value = booked;
    bar.textContent = `${Math.round(sold)}%`;
  }
});

const content = document.querySelector("#content");
if (content?.querySelector("[data-event]")) {
  content.dataset.live = "events";
  startLive(content);
}
