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
  /** As POST /upload takes it. */
  consent = null;

  constructor(settings, isPhone) {
    this.settings = settings;
    this.isPhone = isPhone;
  }

  /** Takes the catalogue, and chooses the scenes that are ticked at first, unless there is a choice. */
  useCatalogue(catalogue) {
    this.catalogue = catalogue;
    this.chosen = this.chosen.length ? this.chosen : this.#firstScenes();
  }

  reset() {
    this.consent = null;
    this.chosen = this.#firstScenes();
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
    const known = scenes.filter((id) => this.scene(id));
    return (known.length ? known : this.catalogue.default).slice(0, mostScenes);
  }
}
