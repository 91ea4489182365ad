"""Photos to send."""

import io
from pathlib import Path

from PIL import Image

PHOTOS = Path(__file__).parent.parent / "photos"


def photo(kind="JPEG"):
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "silver").save(out, kind)
    return out.getvalue()


def named_files():
    """Files whose name or type says nothing, or something wrong: name, what a browser takes it for, content, and the
    content type that its first bytes tell; None for no photo that the booth takes."""
    heic, jpeg = (PHOTOS / "quarters.heic").read_bytes(), photo()
    film = b"\0\0\0\x14ftyp%b\0\0\0\0%b" + bytes(500)
    return [
        ("photo.jfif", "", jpeg, "image/jpeg"),
        ("photo.jpe", "", jpeg, "image/jpeg"),
        ("DSC0001.HIF", "", heic, "image/heic"),
        ("IMG_0001.HEIC", "", heic, "image/heic"),
        ("1000012345", "", jpeg, "image/jpeg"),
        ("1000012345", "application/octet-stream", heic, "image/heic"),
        ("photo.bin", "application/octet-stream", photo("PNG"), "image/png"),
        ("photo.jpg", "image/jpeg", photo("PNG"), "image/png"),
        ("photo.png", "image/png", photo("WEBP"), "image/webp"),
        ("photo.jpg", "image/jpeg", heic, "image/heic"),
        ("photo.heic", "image/heic", jpeg, "image/jpeg"),
        ("photo.txt", "text/plain", jpeg, "image/jpeg"),
        ("photo.heic", "image/heic", heic.replace(b"ftypheic", b"ftypMiHE"), "image/heic"),
        ("empty.jpg", "image/jpeg", b"", None),
        ("empty.heic", "", b"", None),
        ("one.jpg", "image/jpeg", b"\xff", None),
        ("photo.jpg", "image/jpeg", photo("GIF"), None),
        ("photo.jpg", "image/jpeg", photo("BMP"), None),
        ("photo.jpg", "image/jpeg", photo("TIFF"), None),
        ("photo.jpg", "image/jpeg", photo("AVIF"), None),
        ("photo.heic", "image/heic", film % (b"mif1", b"avif"), None),
        ("photo.heic", "image/heic", film % (b"qt  ", b"qt  "), None),
        ("photo.jpg", "image/jpeg", film % (b"mp42", b"isom"), None),
        ("photo.jpg", "image/jpeg", b"%PDF-1.7\n" + jpeg, None),
        ("photo.jpg", "image/jpeg", b"\xef\xbb\xbf" + jpeg, None),
        ("photo.jpg", "image/jpeg", b"\r\n" + jpeg, None),
        ("notes.txt", "text/plain", b"no photo", None),
    ]
