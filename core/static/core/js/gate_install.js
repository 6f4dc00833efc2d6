// The gate page without a network: a worker that keeps it, and what it is made of; whether all of that is kept now.
const CACHE = "gate";

export async function prepareOffline(workerUrl, more) {
  await navigator.serviceWorker.register(workerUrl);
  await navigator.serviceWorker.ready;
  const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
  const own = loaded.filter(({ origin, pathname }) => origin === location.origin && pathname.startsWith("/static/"));
  const cache = await caches.open(CACHE);
  const wanted = new Set([location.href, ...own.map(({ href }) => href), ...more]);
  const kept = await Promise.allSettled([...wanted].map((url) => cache.add(new Request(url, { cache: "no-cache" }))));
  return kept.every(({ status }) => status === "fulfilled");
}
