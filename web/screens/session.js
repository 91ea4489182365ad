// What the screens of the booth's page share.

import { localized } from "../text.js";

/** @typedef {import("../api.js").Catalogue} Catalogue */

/** What one visitor has agreed to and chosen, and what is the same for all visitors of this device. */
export class Session {
  /** @type {object} settings.json, see docs/page.md */
  settings;
  /** @type {boolean} whether this is a visitor's phone, behind a link; else a pad */
  isPhone;
  /** @type {Catalogue} empty until it has been loaded */
  catalogue = { scenes: [], default: [] };
  /** @type {string[]} ids of scenes, in the order in which they were chosen */
  chosen = [];
  /** @type {?{policy: string, language: string, time: string, wall: boolean}} as POST /upload takes it */
  consent = null;

  /**
   * @param {object} settings
   * @param {boolean} isPhone
   */
  constructor(settings, isPhone) {
    this.settings = settings;
    this.isPhone = isPhone;
  }

  /**
   * Takes the catalogue, and chooses the scenes that are ticked at first, unless there is a choice.
   *
   * @param {Catalogue} catalogue
   */
  useCatalogue(catalogue) {
    this.catalogue = catalogue;
    this.chosen = this.chosen.length ? this.chosen : this.#firstScenes();
  }

  /**
   * Forgets consent and choice: the next visitor begins anew.
   */
  reset() {
    this.consent = null;
    this.chosen = this.#firstScenes();
  }

  /**
   * A scene of the catalogue.
   *
   * @param {string} id
   * @returns {import("../api.js").Scene|undefined}  undefined if the catalogue has no such scene or has not come
   */
  scene(id) {
    return this.catalogue.scenes.find((scene) => scene.id === id);
  }

  /**
   * A scene's title in the visitor's language, or its id where the catalogue has no such scene.
   *
   * @param {string} id
   * @returns {string}
   */
  titleOf(id) {
    const scene = this.scene(id);
    return scene ? localized(scene.title) : id;
  }

  #firstScenes() {
    const { scenes, mostScenes } = this.settings;
    const known = scenes.filter((id) => this.scene(id));
    return (known.length ? known : this.catalogue.default).slice(0, mostScenes);
  }
}
