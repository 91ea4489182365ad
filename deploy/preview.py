"""What a messenger shows of a link to the page (Open Graph): the event's title, its tagline and web/preview.jpg.

Nothing of a visit: what follows the # in a link never reaches a server, and so no crawler.
"""

import html
import json
import re
from pathlib import Path


def with_preview(web: Path, url: str) -> bytes:
    """index.html of the page in `web` as it is uploaded to `url`.

    Title and tagline are those of the event's first language. Crawlers want the picture's absolute URL, see
    https://ogp.me. No og:url: a link would lose its fragment.
    """
    settings = json.loads((web / "settings.json").read_text(encoding="utf-8"))
    language = (settings.get("languages") or ["en"])[0]
    words = json.loads((web / "languages" / f"{language}.json").read_text(encoding="utf-8"))
    values = {"image": f"{url}/preview.jpg", "description": words["tagline"]}
    if title := settings.get("title"):
        values["title"] = title.get(language) or next(iter(title.values()))

    def fill(match: re.Match[str]) -> str:
        return match[1] + html.escape(values.get(match[2], match[3])) + match[4]

    page = (web / "index.html").read_text(encoding="utf-8")
    return re.sub(r'(<meta property="og:(\w+)" content=")([^"]*)(")', fill, page).encode()
