// Shows push messages, also while no page is open. It answers no request: pages are not slower for it.
self.addEventListener("push", (event) => event.waitUntil(show(event.data.json())));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openPage(new URL(event.notification.data.path, self.location.origin).href));
});

// The words of attention.js, under its tag: of both, the browser shows one.
function show({ event, until, path, tag }) {
  const time = new Date(until).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const body = `A ticket is held for you until ${time}. Book it before then.`;
  return self.registration.showNotification(`Your turn – ${event}`, { tag, body, data: { path } });
}

async function openPage(url) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find((client) => client.url.split("#")[0] === url);
  return page ? page.focus() : self.clients.openWindow(url);
}
