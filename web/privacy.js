// privacy.html: the privacy text for whoever opens it by itself.

import { restoreLanguage, showLanguages, showPrivacy } from "./common.js";

const response = await fetch("settings.json");
const settings = await response.json();
document.addEventListener("translated", () => showPrivacy(settings));
showLanguages(settings);
await restoreLanguage(settings);
