// What a scan came to, on the whole screen: color, symbol, words, a sound and a vibration. The words are in the page.
import { play } from "./sound.js";
import { fill, moment } from "./words.js";

const GREEN_MS = 2500; // others stay until they are read
const SOUNDS = { good: [[880, 0.12], [1320, 0.18]], warn: [[440, 0.16], [440, 0.16]], bad: [[220, 0.5]] };
const BUZZES = { good: [80], warn: [80, 60, 80], bad: [400] };
const LOOKS = { admitted: "good", already_checked_in: "warn", wrong_event: "warn", unclear: "warn", undone: "warn" };
const dialog = document.querySelector("[data-result]");
let closing = null;

export function showResult(result) {
  const look = LOOKS[result.outcome] ?? "bad";
  const words = wordsOf(result);
  dialog.dataset.look = look;
  for (const [name, text] of Object.entries({ ...words, name: result.attendee ?? "" })) {
    dialog.querySelector(`[data-result-${name}]`).textContent = text;
  }
  clearTimeout(closing);
  if (!dialog.open) dialog.showModal();
  if (look === "good") closing = setTimeout(() => dialog.close(), GREEN_MS);
  navigator.vibrate?.(BUZZES[look]);
  play(SOUNDS[look], look === "good" ? "sine" : "square");
}

// A row for a scan that the server does not know yet, on top of those it does.
export function addRow(result, at) {
  const list = document.querySelector("[data-scans]");
  const row = document.querySelector("[data-scan-row]").content.cloneNode(true);
  const { symbol, title } = wordsOf(result);
  row.querySelector(".gate__scan").classList.add(`gate__scan--${result.outcome}`);
  row.querySelector(".gate__symbol").textContent = symbol;
  row.querySelector(".gate__name").textContent = title;
  const when = row.querySelector("[data-when]");
  when.textContent = fill(when.dataset.when, { time: time(at) });
  list.querySelector("[data-none]")?.remove();
  list.prepend(row);
}

function wordsOf({ outcome, detail, offline, at, gate, here }) {
  const find = (name) => document.querySelector(`template[data-outcome="${name}"]`);
  const { content, dataset } = find(outcome) ?? find("refused");
  const text = (name) => content.querySelector(`[data-${name}]`).textContent.trim();
  let said = (!("fixed" in dataset) && detail) || text("detail");
  if (offline && outcome === "admitted") said = dataset.offline;
  if (at && !detail) {
    const where = gate ? fill(dataset.atGate, { gate }) : here ? dataset.here : "";
    said = fill(dataset.used, { when: day(at), where });
  }
  return { symbol: text("symbol"), title: text("title"), detail: said };
}

// In the time zone of the event, as the server tells times.
export function time(at) {
  return moment(at, { timeStyle: "medium", timeZone: dialog.dataset.zone });
}

function day(at) {
  const form = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  return moment(at, { ...form, timeZone: dialog.dataset.zone, timeZoneName: "short" });
}
