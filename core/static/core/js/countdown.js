// Clocks that run down in the page: holds (`data-countdown`) and openings (`data-opening`). The server is not asked.
import { showTitle } from "./attention.js";
import { serverNow } from "./clock.js";
import { notify } from "./notify.js";
import { refreshSoon } from "./regions.js";
import { announce } from "./status.js";
import { words } from "./words.js";

const TICK_MS = 250; // each clock has its own second; the text changes once in each
const WARN_SECONDS = 120;
const RETRY_MS = 15000; // a region that still shows a lapsed clock is asked for again after this
const LAPSE_SPREAD_MS = 3000; // the holds of one opening lapse at one moment
const OPENING_SPREAD_MS = 30000; // only where the socket, which tells it, is not there
const warned = new Set();
const ended = new Set();
const pulse = new MessageChannel();

export function startCountdowns() {
  document.addEventListener("regions-replaced", showAll);
  pulse.port1.onmessage = tick;
  tick();
}

// Chrome runs a chain of timers once a minute in a page that is hidden for 5 minutes: the message between two breaks it.
function tick() {
  showAll();
  setTimeout(() => pulse.port2.postMessage(null), TICK_MS);
}

function showAll() {
  for (const element of document.querySelectorAll("[data-countdown]")) showHold(element);
  for (const element of document.querySelectorAll("[data-opening]")) showOpening(element);
  showTitle();
}

function secondsUntil(iso) {
  return Math.max(0, Math.ceil((Date.parse(iso) - serverNow()) / 1000));
}

function showHold(element) {
  const until = element.dataset.countdown;
  const seconds = secondsUntil(until);
  put(element, seconds ? digits(seconds) : words("time_up"));
  element.toggleAttribute("data-urgent", seconds > 0 && seconds <= WARN_SECONDS);
  if (seconds > 0 && seconds <= WARN_SECONDS) warnOnce(element, seconds);
  if (!seconds) endOnce(until, 1000, LAPSE_SPREAD_MS);
}

function showOpening(element) {
  const seconds = secondsUntil(element.dataset.opening);
  put(element, seconds ? words("opens_in", { time: length(seconds) }) : words("opening"));
  element.toggleAttribute("data-soon", seconds > 0 && seconds <= WARN_SECONDS);
  if (!seconds && !element.closest("[hidden]")) endOnce(element.dataset.opening, 5000, OPENING_SPREAD_MS);
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function warnOnce(element, seconds) {
  const { name, countdown } = element.dataset;
  const tag = `end ${element.closest("[data-event]")?.dataset.event} ${Date.parse(countdown)}`;
  if (warned.has(tag)) return;
  warned.add(tag);
  const body = words(seconds > 60 ? "ends_in_two" : "ends_in_one", { name });
  announce(body);
  notify({ tag, title: words("ends_title", { name }), body });
}

function endOnce(key, delay, spread) {
  if (ended.has(key)) return;
  ended.add(key);
  const shown = `[data-countdown="${key}"], :not([hidden]) > [data-opening="${key}"]`;
  setTimeout(() => { if (document.querySelector(shown)) refreshSoon(spread); }, delay);
  setTimeout(() => ended.delete(key), RETRY_MS);
}

export function digits(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

export function length(seconds) {
  const minutes = Math.floor(seconds / 60);
  const parts = [[Math.floor(minutes / 1440), "days"], [Math.floor(minutes / 60) % 24, "hours"], [minutes % 60, "minutes"]];
  const shown = parts.slice(Math.max(0, parts.findIndex(([number]) => number > 0)));
  const bigger = seconds < 60 ? [] : shown.map(([number, unit]) => words(unit, { number }));
  return [...bigger, ...(seconds < 86400 ? [words("seconds", { number: seconds % 60 })] : [])].join(" ");
}
