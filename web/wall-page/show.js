// The slideshow: which pictures come next, and for how long. It holds at most two slides, of three pictures each.

import { after, within } from "../clock.js";
import { choose } from "./layout.js";
import { Slide } from "./slide.js";

const SLIDE_MS = 9000;
const NEW_MS = 12_000; // a picture that has just been finished
const LEAST_MS = 1800; // even if a new one waits: then the fade has ended
const FADE_MS = 1600; // wall.css has it, too
const LOAD_MS = 5000; // may a picture take
const BROKEN_MS = 30_000; // until one that didn't load is tried again
const CANDIDATES = 6; // that may share a slide
const MOST_NEW = 6; // that wait to be shown as new ones
const MOST_SEEN = 500; // addresses of which it is known that they are not new

export class Show {
  #stage;
  #area;
  #onChange;
  /** By address, newest first: {url, aspect (0: unknown), at: the turn in which it was shown, broken: until when}. */
  #pictures = new Map();
  #seen = new Set();
  #new = []; // addresses
  #isFirst = true; // nothing of what the booth says first is new
  #turn = 0;
  #preparing = ""; // "new", "usual", or nothing
  #slide = null;
  #leaving = null;
  #began = 0; // the slide, by performance.now()
  #cancel = () => {};

  /** `stage` takes the slides, `area` is where their pictures may be; `onChange` is told whether any are shown. */
  constructor(stage, area, { onChange }) {
    this.#stage = stage;
    this.#area = area;
    this.#onChange = onChange;
    new ResizeObserver(() => this.#place()).observe(area);
  }

  /** Shows these pictures alone, by their addresses, newest first. */
  take(urls) {
    const gone = [...this.#pictures.keys()].filter((url) => !urls.includes(url));
    const fresh = this.#isFirst ? [] : urls.filter((url) => !this.#seen.has(url));
    const known = this.#pictures;
    this.#pictures = new Map(urls.map((url) => [url, known.get(url) ?? { url, aspect: 0, at: 0, broken: 0 }]));
    this.#new = [...fresh, ...this.#new].filter((url) => this.#pictures.has(url)).slice(0, MOST_NEW);
    this.#isFirst = false;
    this.#remember(urls);
    const isHoled = gone.filter((url) => this.#drop(url)).length > 0;
    if (!urls.length) {
      this.#show(null);
    } else if (isHoled || fresh.length || (!this.#slide && !this.#preparing)) {
      this.#plan(isHoled);
    }
  }

  /** Takes everything off at once. */
  clear() {
    this.#pictures.clear();
    this.#new = [];
    this.#show(null);
  }

  #remember(urls) {
    urls.forEach((url) => {
      this.#seen.delete(url);
      this.#seen.add(url); // now the last one
    });
    for (const url of [...this.#seen].slice(0, -MOST_SEEN)) {
      this.#seen.delete(url);
    }
  }

  /** Takes a picture off the screen; whether it was to be seen. */
  #drop(url) {
    this.#leaving?.drop(url);
    return this.#slide?.drop(url) ?? false;
  }

  /** Has the next slide come when it is due: at once (`isNow`), soon for new pictures, else when this one was seen. */
  #plan(isNow = false) {
    this.#cancel();
    const usual = this.#slide?.isNew ? NEW_MS : SLIDE_MS;
    const least = this.#new.length ? LEAST_MS : usual;
    const left = isNow || !this.#slide ? 0 : this.#began + least - performance.now();
    this.#cancel = after(Math.max(0, left), () => this.#next());
  }

  async #next() {
    const kind = this.#new.length ? "new" : "usual";
    if (this.#preparing === "new" || this.#preparing === kind) {
      return; // it goes on by itself
    }
    this.#preparing = kind;
    this.#turn += 1;
    const turn = this.#turn;
    const pictures = await this.#prepare(kind === "new");
    if (turn !== this.#turn) {
      return;
    }
    this.#preparing = "";
    if (!pictures.every(({ url }) => this.#pictures.has(url))) { // gone meanwhile
      this.#next();
    } else if (!pictures.length) {
      this.#show(null);
      this.#cancel = after(BROKEN_MS, () => this.#next());
    } else {
      this.#present(pictures, kind === "new");
      this.#plan();
    }
  }

  #present(pictures, isNew) {
    const urls = pictures.map(({ url }) => url);
    this.#new = this.#new.filter((url) => !urls.includes(url));
    urls.forEach((url) => { this.#pictures.get(url).at = this.#turn; });
    this.#began = performance.now();
    if (isNew || !this.#isShown(pictures)) {
      this.#show(new Slide(pictures, isNew));
    }
  }

  #isShown(pictures) {
    const shown = this.#slide?.urls ?? [];
    return shown.length === pictures.length && pictures.every(({ url }) => shown.includes(url));
  }

  /**
   * The pictures of the next slide, decoded unless they are shown already; [] if none can be. One that can't be loaded
   * is left out for a while.
   */
  async #prepare(isNew) {
    for (;;) {
      const candidates = this.#candidates(isNew);
      await Promise.all(candidates.filter(({ aspect }) => !aspect).map((picture) => this.#load(picture)));
      const usable = candidates.filter(({ aspect, broken }) => aspect && broken <= performance.now());
      const chosen = usable.length ? choose(usable, this.#room()) : [];
      if (!isNew && chosen.length && this.#isShown(chosen)) {
        return chosen; // as they are: nothing is loaded anew
      }
      const loaded = await Promise.all(chosen.map(async (each) => ({ ...each, image: await this.#load(each) })));
      if (loaded.length && loaded.every(({ image }) => image)) {
        return loaded;
      }
      if (!candidates.length) {
        return [];
      }
      isNew &&= this.#new.length > 0;
    }
  }

  /** Those that may be on the next slide; the first one is to be. */
  #candidates(isNew) {
    const now = performance.now();
    const usable = [...this.#pictures.values()].filter(({ broken }) => broken <= now);
    this.#new = this.#new.filter((url) => usable.some((picture) => picture.url === url));
    if (isNew && this.#new.length) {
      return this.#new.slice(0, CANDIDATES).map((url) => this.#pictures.get(url));
    }
    const waiting = usable.sort((one, other) => one.at - other.at); // as long ago: newest first
    const shown = this.#slide?.urls ?? [];
    const others = waiting.filter(({ url }) => !shown.includes(url));
    const isFew = others.length < 3;
    return [...others, ...(isFew ? waiting.filter(({ url }) => shown.includes(url)) : [])].slice(0, CANDIDATES);
  }

  /** The picture's image, decoded; undefined if it can't be. */
  async #load(picture) {
    const image = Object.assign(new Image(), { src: picture.url });
    try {
      await within(LOAD_MS, image.decode());
      picture.aspect = image.naturalWidth / image.naturalHeight;
      return image;
    } catch {
      image.removeAttribute("src"); // it may still be loading
      picture.broken = performance.now() + BROKEN_MS;
      return undefined;
    }
  }

  /** Fades to this slide; to none at once. */
  #show(slide) {
    this.#leaving?.remove();
    this.#leaving = this.#slide;
    this.#slide = slide;
    this.#onChange(Boolean(slide));
    if (slide) {
      this.#stage.append(slide.element);
      this.#place();
      after(FADE_MS, () => slide === this.#slide && this.#end());
    } else {
      this.#end();
      this.#turn += 1; // what is being prepared is not shown
      this.#preparing = "";
      this.#cancel();
    }
  }

  /** Removes the slide below. */
  #end() {
    this.#leaving?.remove();
    this.#leaving = null;
  }

  #room() {
    return this.#area.getBoundingClientRect();
  }

  #place() {
    const room = this.#room();
    [this.#leaving, this.#slide].forEach((slide) => slide?.place(room));
  }
}
