"""Photos to send."""

import io
from pathlib import Path

from PIL import Image

PHOTOS = Path(__file__).parent.parent / "photos"


def photo():
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "silver").save(out, "JPEG")
    return out.getvalue()
