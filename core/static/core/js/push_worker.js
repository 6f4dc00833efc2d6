// Shows push messages, also while no page is open. It answers no request: pages are not slower for it.
self.addEventListener("push", (event) => event.waitUntil(show(event.data.json())));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openPage(new URL(event.notification.data.path, self.location.origin).href));
});

// Under the tag of attention.js: of both, the browser shows one. The words are in the message, in the person's language;
// a server of before sends none, and the event's name says enough.
function show({ event, until, path, tag, language = "en", title = event, body = "" }) {
  const time = new Date(until).toLocaleTimeString(`${language}-u-nu-latn`, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const told = { tag, body: body.replace("{time}", time), lang: language, data: { path } };
  return self.registration.showNotification(title, told);
}

async function openPage(url) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find((client) => client.url.split("#")[0] === url);
  return page ? page.focus() : self.clients.openWindow(url);
}
