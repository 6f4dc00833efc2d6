// Keeps the screen on, where the browser can, while it is wanted: the lock is lost whenever the page is hidden.
let wanted = false;
let lock = null;

document.addEventListener("visibilitychange", () => { if (wanted && !document.hidden) ask(); });

export async function keepAwake() {
  wanted = true;
  await ask();
}

export function letSleep() {
  wanted = false;
  lock?.release();
  lock = null;
}

async function ask() {
  if (lock && !lock.released) return;
  const got = await navigator.wakeLock?.request("screen").catch(() => null); // low on battery: the screen goes its way
  if (!wanted) got?.release();
  else lock = got ?? null;
}
