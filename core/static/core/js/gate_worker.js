// Serves the gate page without a network, as it was last seen. With one, everything is asked of the server.
const CACHE = "gate";
const PAGE = "/checkin/";
const PATIENCE_MS = 4000;
const SERVER_ERROR = 500;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin) return;
  const isPage = event.request.mode === "navigate" && pathname === PAGE;
  if (isPage || pathname.startsWith("/static/")) event.respondWith(answer(event.request, isPage));
});

async function answer(request, isPage) {
  const cache = await caches.open(CACHE);
  const asked = fetch(request);
  try {
    const response = await Promise.race([asked, late()]);
    if (response.status >= SERVER_ERROR) throw new Error("the server is away, and its proxy answers");
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch {
    const kept = await cache.match(request, { ignoreVary: true });
    // Opened by its icon, the address names no gate: the one that was used last.
    const pages = isPage && !new URL(request.url).search ? await cache.keys() : [];
    const last = pages.filter(({ url }) => new URL(url).pathname === PAGE && new URL(url).search).at(-1);
    return kept ?? (last && (await cache.match(last, { ignoreVary: true }))) ?? asked;
  }
}

function late() {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("too late")), PATIENCE_MS));
}
