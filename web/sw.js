// Keeps the page itself on the device, so that it opens and reloads without a connection. Photos and pictures never
// pass through here into the cache.

const CACHE = "page";
const NETWORK_TIMEOUT_MS = 3000;
const FILES = [
  "./", "booth.css", "booth.js", "common.js", "settings.js", "text.js", "dom.js", "clock.js", "photo.js", "api.js",
  "visit.js", "outbox.js", "pictures.js", "camera.js", "dialogs.js", "screens/session.js", "screens/start.js",
  "screens/consent.js", "screens/scenes.js", "screens/camera.js", "screens/review.js", "screens/visit.js",
  "screens/tiles.js", "screens/viewer.js", "screens/pairing.js", "vendor/lean-qr.js", "vendor/client-zip.js",
  "settings.json", "icon.svg", "privacy.html", "privacy.js", "manifest.webmanifest", "scenes",
];

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(precache());
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === location.origin && !pathname.startsWith("/photo/")) {
    event.respondWith(networkFirst(event.request));
  }
});

async function precache() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES);
  const settings = await (await cache.match("settings.json")).json().catch(() => undefined); // settings.js tells why
  const codes = Array.isArray(settings?.languages) ? settings.languages : ["en", "ko"];
  const { scenes } = await (await cache.match("scenes")).json();
  const files = codes.map((code) => `languages/${code}.json`);
  await Promise.allSettled(files.map((file) => cache.add(file))); // one may be named wrongly
  await cache.addAll(scenes.map(({ thumbnail }) => thumbnail));
}

/** The network's answer if there is one within NETWORK_TIMEOUT_MS, else the cached one. */
async function networkFirst(request) {
  const opened = caches.open(CACHE); // may never answer: nothing that the network gives waits for it
  const fresh = fetch(request).then((response) => {
    if (response.ok) {
      const copy = response.clone();
      opened.then((cache) => cache.put(request, copy)).catch(() => {});
    }
    return response;
  });
  const timeout = new Promise((resolve) => { setTimeout(resolve, NETWORK_TIMEOUT_MS); });
  const first = await Promise.race([fresh.catch(() => undefined), timeout]);
  const cached = opened.then((cache) => cache.match(request, { ignoreSearch: true })).catch(() => undefined);
  return first ?? Promise.any([cached.then((found) => found ?? fresh), fresh]);
}
