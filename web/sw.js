// Keeps the page itself on the device, so that it opens and reloads without a connection. Photos and pictures, the wall,
// the staff's page and its figures never pass through here into the cache.

const CACHE = "page";
const EVENT = "event.json";
const TIMEOUT_MS = 3000;
const NOT_KEPT = /^\/(photo\/|staff|wall)/;
const FILES = [
  "./", "booth.css", "booth.js", "common.js", "settings.js", "event.js", "storage.js", "text.js", "dom.js",
  "clock.js", "photo.js", "api.js", "visit.js", "again.js", "by-hand.js", "outbox.js", "pictures.js", "print.js",
  "print.css", "elements.js", "camera.js", "dialogs.js", "screens/session.js", "screens/start.js",
  "screens/consent.js", "screens/scenes.js", "screens/camera.js", "screens/review.js", "screens/visit.js",
  "screens/tiles.js", "screens/viewer.js", "screens/onwall.js", "screens/progress.js", "screens/pairing.js",
  "vendor/lean-qr.js", "vendor/client-zip.js", "settings.json", "icon.svg", "privacy.html", "privacy.js",
  "manifest.webmanifest", "scenes",
];

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(precache());
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === location.origin && !NOT_KEPT.test(pathname)) {
    event.respondWith(networkFirst(event.request));
  }
});

/** Whether the booth itself has answered, and not a captive portal, or a page that one leads to: those are HTML. */
async function isOurs(response) {
  if (!response.ok || response.redirected) {
    return false;
  }
  if (/(\/|\.html)$/.test(new URL(response.url).pathname)) {
    return (await response.clone().text()).includes('<script type="module" src="');
  }
  return !response.headers.get("Content-Type")?.includes("html");
}

/** Whether the booth says that the staff has changed nothing any more. */
function isGone({ status, url, headers }) {
  return status === 404 && url.endsWith(`/${EVENT}`) && !headers.get("Content-Type")?.includes("html");
}

async function add(cache, file) {
  const response = await fetch(file, { cache: "no-cache" });
  if (!(await isOurs(response))) {
    throw new Error(`no answer of the booth: ${file}`);
  }
  await cache.put(file, response);
}

async function precache() {
  const cache = await caches.open(CACHE);
  await Promise.all(FILES.map((file) => add(cache, file)));
  await add(cache, EVENT).catch(() => {}); // there may be none
  const named = (await Promise.all(["settings.json", EVENT].map(async (file) => {
    const settings = await (await cache.match(file))?.json().catch(() => undefined); // settings.js tells why
    return Array.isArray(settings?.languages) ? settings.languages : [];
  }))).flat();
  const codes = new Set(named.length ? named : ["en", "ko"]);
  const { scenes } = await (await cache.match("scenes")).json();
  const files = [...codes].map((code) => `languages/${code}.json`);
  await Promise.allSettled(files.map((file) => add(cache, file))); // one may be named wrongly
  await Promise.all(scenes.map(({ thumbnail }) => add(cache, thumbnail)));
}

async function keep(request, response) {
  await (await caches.open(CACHE)).put(request, response);
}

async function kept(request) {
  return (await caches.open(CACHE)).match(request, { ignoreSearch: true });
}

/** What `promise` gives; undefined if it fails, or takes longer than TIMEOUT_MS: network and cache may never answer. */
function inTime(promise) {
  const timeout = new Promise((resolve) => { setTimeout(resolve, TIMEOUT_MS); });
  return Promise.race([promise.catch(() => undefined), timeout]);
}

/** The booth's answer if there is one within TIMEOUT_MS, else the cached one, else whatever the network says. */
async function networkFirst(request) {
  let answer; // whatever it is
  const ours = fetch(request).then(async (response) => {
    answer = response;
    if (isGone(response)) {
      await (await caches.open(CACHE)).delete(request);
      return response;
    }
    if (!(await isOurs(response))) {
      throw new Error("no answer of the booth");
    }
    keep(request, response.clone()).catch(() => {}); // nothing that the network gives waits for it
    return response;
  });
  const first = await inTime(ours);
  return first ?? await inTime(kept(request)) ?? ours.catch(() => answer ?? Response.error());
}
