// The admin's list of events, and the page of one: their numbers follow a socket, as on every page of organizers.
import { startLive } from "./live.js";
import { startWatching } from "./watch.js";

const PAUSE_MS = 5000; // a list is many pages in one

document.addEventListener("numbers-changed", ({ detail: { event, booked, capacity, percentage_sold: sold } }) => {
  for (const bar of document.querySelectorAll(`.booked[data-event="${CSS.escape(String(event))}"] progress`)) {
    bar.max = Math.max(capacity, 1);
    bar.value = booked;
    bar.textContent = `${Math.round(sold)}%`;
  }
});

const content = document.querySelector("#content");
const list = content?.querySelector("#result_list");
// The page of one event has a form: were it fetched anew, what was typed could go with it.
if (!list) for (const region of document.querySelectorAll("[data-region]")) delete region.dataset.region;
if (content?.querySelector("[data-event]")) {
  content.dataset.live = "organize";
  startLive(content);
  startWatching(list, PAUSE_MS); // how many are booked in a minute falls by itself as well
}
