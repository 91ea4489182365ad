// privacy.html: the privacy text for whoever opens it by itself.

import { offerLanguages, startSpeaking, showPrivacy } from "./common.js";

const response = await fetch("settings.json");
const settings = await response.json();
document.addEventListener("spoken", () => showPrivacy(settings));
offerLanguages(settings);
await startSpeaking(settings);
