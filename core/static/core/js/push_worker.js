// Shows push messages, also while no page is open. It answers no request: pages are not slower for it.
self.addEventListener("push", (event) => event.waitUntil(show(event.data.json())));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openPage(new URL(event.notification.data.path, self.location.origin).href));
});

// The words of attention.js, under its tag: of both, the browser shows one. They come with the message, but for the
// time, which is told as this device has it.
function show({ title, body: words, language: lang, until, path, tag }) {
  const locale = lang === "en" ? "en-GB" : `${lang}-u-nu-latn`;
  const time = new Date(until).toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  return self.registration.showNotification(title, { tag, lang, dir: "auto", body: words.replace("{time}", time), data: { path } });
}

async function openPage(url) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find((client) => client.url.split("#")[0] === url);
  return page ? page.focus() : self.clients.openWindow(url);
}
