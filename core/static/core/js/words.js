// The words that scripts put into the page, in its language: the server has written them there (core/script_words.py).
const WORDS = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
const LANGUAGE = document.documentElement.lang || "en";
const LOCALE = LANGUAGE === "en" ? "en-GB" : `${LANGUAGE}-u-nu-latn`; // digits as the server writes them
const rules = new Intl.PluralRules(LANGUAGE);
const numbers = new Intl.NumberFormat(LOCALE, { useGrouping: true }); // Spanish numbers of four digits as well

// A sentence by its name, with what stands in its braces.
export function words(name, values = {}) {
  return fill(WORDS[name] ?? "", values);
}

// The same of what goes by a number, `{count}`.
export function counted(name, count) {
  const forms = WORDS[name] ?? {};
  const alike = Object.keys(forms).find((sample) => rules.select(Number(sample)) === rules.select(count));
  return fill(forms[alike] ?? "", { count: grouped(count) });
}

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (braces, name) => (name in values ? String(values[name]) : braces));
}

// A number as it is read, in groups of three digits: as `core/formats` has it.
export function grouped(number) {
  return numbers.format(number);
}

// Several names as the language puts them in a row.
export function listed(names) {
  return new Intl.ListFormat(LOCALE).format(names);
}

// A moment as the page says it: `what` as Intl takes it.
export function moment(when, what) {
  return new Date(when).toLocaleString(LOCALE, { hourCycle: "h23", ...what });
}

// A time of day where an event is, as pages tell it (`H:i T`); `zoneName` is what the server calls that zone.
export function timeIn({ zone, zoneName }, when) {
  const time = { hour: "2-digit", minute: "2-digit" };
  try {
    return `${moment(when, { ...time, timeZone: zone })} ${zoneName}`;
  } catch {
    return moment(when, { ...time, timeZone: "UTC", timeZoneName: "short" }); // a browser older than the zone (RangeError)
  }
}
