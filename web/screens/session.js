// What the screens of the booth's page share.

import { localized } from "../text.js";

/** What one visitor has agreed to and chosen, and what is the same for all visitors of this device. */
export class Session {
  settings;
  /** Whether this is a visitor's phone, behind a link; else a pad. */
  isPhone;
  /** As listScenes gives it; empty until then. */
  catalogue = { scenes: [], default: [] };
  /** Ids, in the order in which they were chosen. */
  chosen = [];
  /** What the visitor chose that the pictures keep; "" for nothing. */
  tapped = "";
  /** As POST /upload takes it. */
  consent = null;

  constructor(settings, isPhone) {
    this.settings = settings;
    this.isPhone = isPhone;
  }

  /** The scenes that visitors may choose: those that the staff offers, or all. */
  get offered() {
    const { scenes } = this.catalogue;
    const offered = scenes.filter(({ id }) => this.settings.offered.includes(id));
    return offered.length ? offered : scenes;
  }

  /** Takes the catalogue, and chooses the scenes that are ticked at first, unless there is a choice. */
  useCatalogue(catalogue) {
    this.catalogue = catalogue;
    this.chosen = this.chosen.length ? this.chosen : this.#firstScenes();
  }

  reset() {
    this.consent = null;
    this.tapped = "";
    this.chosen = this.#firstScenes();
  }

  /** Whether the booth knows `keep`; one of the release before doesn't. */
  get canKeep() {
    return this.catalogue.scenes.some(({ keep }) => keep);
  }

  /** What all pictures are to keep; "": each its scene's own. The operator's yields to a scene's, and to a stack's "more". */
  get keep() {
    const scenes = this.chosen.map((id) => this.scene(id));
    const [said = "face", ...others] = new Set(scenes.map((scene) => scene?.keep));
    if (this.tapped || !this.canKeep || others.length) {
      return this.tapped;
    }
    return said === "face" && !scenes.some((scene) => scene?.ownKeep) ? this.settings.keep : said;
  }

  scene(id) {
    return this.catalogue.scenes.find((scene) => scene.id === id);
  }

  /** A scene's title in the visitor's language, or its id where the catalogue has no such scene. */
  titleOf(id) {
    const scene = this.scene(id);
    return scene ? localized(scene.title) : id;
  }

  #firstScenes() {
    const { scenes, mostScenes } = this.settings;
    const offered = this.offered.map(({ id }) => id);
    const [first = offered] = [scenes, this.catalogue.default]
      .map((ids) => ids.filter((id) => offered.includes(id))).filter(({ length }) => length);
    return first.slice(0, mostScenes);
  }
}
