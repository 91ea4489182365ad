// One picture, large, and beside it the photo for comparison. Loaded when there is a picture.

import { $, onTap } from "../dom.js";
import { canShare, save, share } from "../pictures.js";

export class Viewer {
  #session;
  #tiles;
  #canPrint;
  #tile; // that is shown

  /** `canPrint`: whether the pad prints, by the settings. */
  constructor(session, tiles, { canPrint, onPrint }) {
    this.#session = session;
    this.#canPrint = canPrint;
    this.#tiles = tiles;
    $("split").oninput = () => this.#split($("split").value);
    $("previous").onclick = () => this.#step(-1);
    $("next").onclick = () => this.#step(1);
    $("close-viewer").onclick = () => $("viewer").close();
    $("viewer").onclick = ({ target }) => target === $("viewer") && $("viewer").close(); // beside the picture
    onTap($("save"), () => save([this.#tile.file], session.isPhone));
    onTap($("share"), () => share([this.#tile.file]));
    onTap($("print"), () => onPrint([this.#tile.file]));
  }

  open(tile) {
    this.#tile = tile;
    const { file, scene } = tile;
    const { isPhone, settings } = this.#session;
    const title = this.#session.titleOf(scene);
    URL.revokeObjectURL($("large").src);
    $("large").src = URL.createObjectURL(file);
    $("large").alt = title;
    $("viewer-title").textContent = title;
    $("compare").style.setProperty("--aspect", this.#tiles.aspect);
    const { photoUrl } = this.#tiles;
    $("split").hidden = $("handle").hidden = $("split-hint").hidden = $("large-photo").hidden = !photoUrl;
    if (photoUrl) {
      $("large-photo").src = photoUrl;
    }
    this.#split(0);
    $("share").hidden = !isPhone || !canShare([file]);
    $("save").hidden = !(isPhone || settings.save);
    $("print").hidden = isPhone || !this.#canPrint(settings);
    const hasOthers = this.#tiles.pictures.length > 1;
    $("previous").hidden = $("next").hidden = !hasOthers;
    if (!$("viewer").open) {
      $("viewer").showModal();
    }
  }

  close() {
    $("viewer").close();
    URL.revokeObjectURL($("large").src);
    $("large").removeAttribute("src");
    $("large-photo").removeAttribute("src");
  }

  #step(by) {
    const { pictures } = this.#tiles;
    this.open(pictures[(pictures.indexOf(this.#tile) + by + pictures.length) % pictures.length]);
  }

  /** Shows the photo instead of the picture in the left `percent` of the width. */
  #split(percent) {
    $("split").value = percent;
    $("compare").style.setProperty("--split", `${percent}%`);
  }
}
