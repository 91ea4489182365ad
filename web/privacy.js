// privacy.html: the privacy text for whoever opens it by itself.

import { restoreLanguage, showLanguages, showPrivacy } from "./common.js";
import { loadSettings } from "./settings.js";

const { settings } = await loadSettings();
document.addEventListener("translated", () => showPrivacy(settings));
showLanguages(settings);
await restoreLanguage(settings);
