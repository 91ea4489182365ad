"""Files whose colours are told in each of the ways there are, and the numbers that a colour has there.

The formulas and matrices are those of the standards and of CSS, written down apart from the product's.
"""

import struct
import zlib
from pathlib import Path

import numpy as np

CHART = Path(__file__).parents[1] / "photos" / "chart.heic"
"""PATCHES of 40 x 40 pixels, in rows of four: 10 bits, BT.2020, PQ with sRGB's white at 203 cd/m2, told by nclx."""
PATCHES = np.array(
    [
        [(200, 60, 60), (60, 160, 90), (30, 60, 180), (240, 200, 40)],
        [(230, 180, 150), (90, 60, 45), (255, 255, 255), (0, 0, 0)],
        [(128, 128, 128), (64, 64, 64), (192, 192, 192), (20, 20, 20)],
    ],
    np.uint8,
)

# To CIE XYZ under D65, from CSS Color 4, "Sample code for Color Conversions".
SRGB = np.array(
    [[0.41239080, 0.35758434, 0.18048079], [0.21263901, 0.71516868, 0.07219232], [0.01933082, 0.11919478, 0.95053215]]
)
P3 = np.array(
    [[0.48657095, 0.26566769, 0.19821729], [0.22897456, 0.69173852, 0.07928691], [0.0, 0.04511338, 1.04394437]]
)
BT2020 = np.array(
    [[0.63695805, 0.14461690, 0.16888098], [0.26270021, 0.67799807, 0.05930172], [0.0, 0.02807269, 1.06098506]]
)
ADOBE = np.array(
    [[0.57666904, 0.18555824, 0.18822865], [0.29734498, 0.62736357, 0.07529146], [0.02703136, 0.07068885, 0.99133754]]
)


def light(srgb):
    """0 to 1, by sRGB's numbers of 8 bits (IEC 61966-2-1)."""
    numbers = np.asarray(srgb) / 255
    return np.where(numbers <= 0.04045, numbers / 12.92, ((numbers + 0.055) / 1.055) ** 2.4)


def numbers(srgb, matrix, transfer):
    """What a colour of sRGB is written as in another space: 0 to 1."""
    there = np.clip(light(srgb) @ (np.linalg.inv(matrix) @ SRGB).T, 0, 1)
    return written(there, transfer, matrix)


def written(there, transfer, matrix=BT2020):
    """The numbers of light (white is 1) in a space: 0 to 1."""
    if transfer == "PQ":
        return pq(there * 203)
    if transfer == "HLG":
        return hlg(there * 203, matrix[1])
    if transfer == "sRGB":
        return np.where(there <= 0.0031308, there * 12.92, 1.055 * there ** (1 / 2.4) - 0.055)
    return there ** (1 / transfer)


def pq(cd_m2):
    """SMPTE ST 2084, the inverse EOTF."""
    power = (np.asarray(cd_m2) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(cd_m2, weights):
    """BT.2100: the OETF of the scene's light that a display of 1000 cd/m2 shows so."""
    shown = np.asarray(cd_m2) / 1000
    luminance = np.maximum(shown @ weights, 1e-9)[..., None]
    scene = shown * luminance ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def chunk(name, content):
    return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)


def png(pixels, *chunks, depth=8, colour=None):
    """A PNG of whole numbers, H x W or H x W x channels; `chunks` stand before the pixels."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    height, width, channels = pixels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if colour is None else colour
    if depth == 16:
        rows = [bytes(1) + row.astype(">u2").tobytes() for row in pixels]
    elif depth == 8:
        rows = [bytes(1) + row.astype(np.uint8).tobytes() for row in pixels]
    else:
        bits = np.unpackbits(pixels.astype(np.uint8), axis=2)[..., 8 - depth :].reshape(height, -1)
        rows = [bytes(1) + row.tobytes() for row in np.packbits(bits, axis=1)]
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = [chunk(b"IHDR", head), *chunks, chunk(b"IDAT", zlib.compress(b"".join(rows))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def cicp(primaries, transfer, matrix=0, full_range=1):
    return chunk(b"cICP", bytes([primaries, transfer, matrix, full_range]))


def iccp(profile):
    return chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))


def gama(value):
    return chunk(b"gAMA", value.to_bytes(4))


def chrm(white, red, green, blue):
    return chunk(b"cHRM", struct.pack(">8I", *(round(value * 1e5) for xy in (white, red, green, blue) for value in xy)))


def icc(kind, tags):
    """An ICC profile of version 4.4 of a space ("RGB ", "GRAY", "CMYK", "Lab "), without what `tags` lacks."""
    connection = b"Lab " if b"A2B0" in tags else b"XYZ "
    tags = {b"desc": text("x"), b"cprt": text("x"), b"wtpt": xyz(0.9642, 1, 0.8249)} | tags
    table, body, at = len(tags).to_bytes(4), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + (at + len(body)).to_bytes(4) + len(data).to_bytes(4)
        body += data + bytes(-len(data) % 4)
    device = b"prtr" if kind == b"CMYK" else b"mntr"
    head = (at + len(body)).to_bytes(4) + bytes(4) + b"\4\x40\0\0" + device + kind + connection + bytes(12) + b"acsp"
    return (head + bytes(28) + xyz(0.9642, 1, 0.8249)[8:]).ljust(128, b"\0") + table + body


def text(words):
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, 2 * len(words), 28) + words.encode("utf-16-be")


def xyz(*values):
    return b"XYZ \0\0\0\0" + b"".join(round(value * 65_536).to_bytes(4, signed=True) for value in values)


def power(gamma):
    return b"curv\0\0\0\0\0\0\0\1" + round(gamma * 256).to_bytes(2) + b"\0\0"


def rgb_profile(matrix, gamma, **more):
    """Of primaries whose matrix to XYZ is under D65; `more`: further tags by name."""
    d50 = np.array(
        [[1.0478112, 0.0228866, -0.0501270], [0.0295424, 0.9904844, -0.0170491], [-0.0092345, 0.0150436, 0.7521316]]
    )
    columns = (d50 @ matrix).T
    tags = {name: xyz(*column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), power(gamma))
    return icc(b"RGB ", tags | {name.encode(): data for name, data in more.items()})


def grey_profile(gamma):
    return icc(b"GRAY", {b"kTRC": power(gamma)})


def ink_profile(paper, inks):
    """Of CMYK: the Lab of paper, and of each ink by itself; those of several add up."""
    corners = []
    for index in range(16):
        lab = np.array(paper, float)
        for number in range(4):
            if index >> (3 - number) & 1:
                lab += np.array(inks[number]) - paper
        corners.append(np.clip([lab[0] / 100 * 65_280, *((lab[1:] + 128) * 256)], 0, 65_535))
    table = b"mft2\0\0\0\0\4\3\2\0" + struct.pack(">9i", 65_536, 0, 0, 0, 65_536, 0, 0, 0, 65_536)
    table += struct.pack(">HH", 2, 2) + struct.pack(">2H", 0, 65_535) * 4
    table += np.rint(corners).astype(">u2").tobytes() + struct.pack(">2H", 0, 65_535) * 3
    return icc(b"CMYK", {b"A2B0": table})


def heic(primaries, transfer, profile=None):
    """The chart's numbers, told to be of other code points (nclx); with `profile`, it is told first."""
    data = CHART.read_bytes()
    at = data.index(b"nclx")
    coded = b"nclx" + struct.pack(">HH", primaries, transfer) + data[at + 8 : at + 11]
    data = data[:at] + coded + data[at + 11 :]
    if profile is None:
        return data
    first = struct.pack(">I", len(profile) + 12) + b"colrprof" + profile
    second = struct.pack(">I", len(coded) + 8) + b"colr" + coded
    data = data.replace(second, first)
    end = data.index(b"ipma") - 4  # of the box `ipco`, whose fifth property becomes nclx
    data = data[:end] + second + data[end:]
    data = data.replace(b"\x04\x81\x02\x03\x04", b"\x05\x81\x02\x03\x04\x05")
    more = len(first) + 1
    for name, growth in {b"meta": more, b"iprp": more, b"ipco": more - 1, b"ipma": 1}.items():
        place = data.index(name) - 4
        data = data[:place] + (int.from_bytes(data[place : place + 4]) + growth).to_bytes(4) + data[place + 4 :]
    place = data.index(b"iloc") + 22  # the offset of the only item's only extent
    return data[:place] + (int.from_bytes(data[place : place + 4]) + more).to_bytes(4) + data[place + 4 :]
