// The server's clock: this device's clock, corrected by the `now` of pages and messages.
let offset = null;

// What travels arrives late, so the greatest offset seen is the truest; `again` starts over (a snapshot).
export function setServerNow(iso, again = false) {
  const seen = Date.parse(iso) - Date.now();
  if (Number.isNaN(seen)) return;
  offset = again || offset === null ? seen : Math.max(offset, seen);
}

export function serverNow() {
  return Date.now() + (offset ?? 0);
}
