// Other scenes of a photo that the booth keeps. Loaded when a visitor asks for them: they need a connection anyway.

import { post, uuid } from "./api.js";
import { showByHand } from "./by-hand.js";
import { text } from "./text.js";
import { Visit } from "./visit.js";

/** A new visit with the photo of an ended one: it is now the new one's to say when its visitor leaves. */
export function furtherVisit({ record: former }, scenes, keep) {
  const { keeps, consent } = former;
  const requestId = uuid();
  const request = { requestId: keeps, newRequestId: requestId, scenes, keep: keep || undefined };
  const begin = async (options) => (await post("/again", request, options)).left;
  former.keeps = "";
  return new Visit({ requestId, created: Date.now(), blob: null, scenes, keep, consent, keeps, bound: false, begin });
}

/** Shows the QR codes of visits; `draw` paints one into a canvas. */
export function showCodes(visits, draw) {
  showByHand("former", visits.map((visit, index) => {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${text("qr.label")} ${index + 1}`);
    draw(visit, canvas);
    return canvas;
  }));
}
