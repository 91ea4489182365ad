"""Composites the photo's kept pixels onto a generated picture without a visible seam.

`Seam` for a mask with a hard edge (keep = face), `SoftSeam` for an alpha (keep = head, person).
"""

from functools import reduce

import numpy as np
from PIL import Image, ImageChops, ImageFilter

FADE_WIDTH = 2
"""Width in pixels, outside the kept region, in which the photo's alpha falls to 0."""
MATCH_WIDTH = 24
"""Width in pixels, outside the kept region, in which a model's colour shift is corrected."""
SHIFT_SCALE = 40.0
"""Scale of the correction's weight: up to about this RMS colour distance (8-bit RGB) between photo and generated
picture in the kept region, the model has returned the face with shifted colours. Beyond it, it has painted something
else, and the shift is unknown. docs/decisions/0008-seam.md has the trials."""
SAME = 0.8
"""Correlation of a kept cell's surroundings with the model's from which both show the same, whatever the colours."""
KNOWN = 0.04, 0.12
"""The share of kept cells that show the same from which a model's shift begins to be known, and from which it is. In
a picture of something else up to 0.03 do by chance."""
_FLAT = 6.0  # variance of 8-bit grey below which a cell's surroundings show nothing that could be recognised
GAIN = 0.5, 2.0
"""The least and the largest change of contrast that is taken back."""
MOST = 64.0
"""The largest change of the kept region's mean that is taken back, in any channel, of 255."""
INSIDE = 16
"""Pixels: so far within the kept region a model's change of it is measured (`change_of_kept`). Nearer to the edge,
models that work in blocks of up to 16 x 16 paint what is kept as well."""
_CELL = 4  # pixels: a colour shift has low frequencies only, so it is computed per cell of 4 x 4


class Seam:
    """The photo's kept pixels, prepared for compositing onto any generated picture.

    The constructor does what needs no picture, so it can run while the model paints.

    Args:
        photo: uint8, H x W x 3.
        keep: bool, H x W, True = kept.
    """

    def __init__(self, photo: np.ndarray, keep: np.ndarray):
        self._is_empty = not keep.any()
        if self._is_empty:
            return
        self._inside = _inside(keep)
        self._whole_photo = photo
        self._window = _bounding_box(keep, MATCH_WIDTH)
        self._photo, self._keep = photo[self._window], keep[self._window]
        self._match_weights = _match_weights(self._keep)
        alpha = _fade(self._keep, FADE_WIDTH).ravel()
        ring = np.flatnonzero((alpha > 0) & ~self._keep.ravel())  # flat indices
        # A blurred straight edge is 0.5 on the edge; doubled and clipped it is 1 inside and falls to 0 outside.
        self._ring, self._ring_alpha = ring, np.minimum(alpha[ring].astype(np.float32) * (2 / 255), 1)[:, None]
        self._ring_edge, self._ring_photo = _edge_colours(self._photo, self._keep, ring), _pixels_at(self._photo, ring)

    def blend(self, generated: np.ndarray) -> np.ndarray:
        """The generated picture (uint8, the photo's H x W x 3) with the kept pixels bit-exact; a new array.

        Within FADE_WIDTH pixels outside the kept region the photo is alpha-blended in, each colour channel clipped
        between the mean of the kept pixels beside it and the generated value: so no background of the photo shows as a
        halo. Within MATCH_WIDTH pixels the model's colour shift, estimated in the kept region, is corrected. Pixels
        farther away are the generated ones, exactly.
        """
        result = generated.copy()
        if not self._is_empty:
            result[self._window] = self._blended(generated[self._window])
        return result

    def change_of_kept(self, generated: np.ndarray) -> float | None:
        """How much the model has changed of what it was to keep, see `_change`."""
        return None if self._is_empty else _change(self._whole_photo, generated, self._inside)

    def _blended(self, generated: np.ndarray) -> np.ndarray:
        shift = _shift(self._photo, generated, self._keep, self._match_weights)
        # In `shift` 128 means 0.
        result = np.array(ImageChops.add(Image.fromarray(generated), shift, offset=-128))
        colours = _pixels_at(result, self._ring).astype(np.float32)
        clipped = np.clip(self._ring_photo, np.minimum(self._ring_edge, colours), np.maximum(self._ring_edge, colours))
        colours += self._ring_alpha * (clipped - colours)
        result.reshape(-1, 3)[self._ring] = np.rint(colours).astype(np.uint8)
        # Two dimensions, not three: numpy is slow with a last axis of 3.
        rows = len(self._keep), -1
        np.copyto(result.reshape(rows), self._photo.reshape(rows), where=np.repeat(self._keep, 3, axis=1))
        return result


class SoftSeam:
    """The photo's kept people, prepared for compositing onto any generated picture.

    Args:
        photo: uint8, H x W x 3.
        foreground: uint8, H x W x 3: the people's own colours, `foreground.estimate`. Read where alpha is 1 to 254.
        alpha: uint8, H x W: 255 = the photo's pixel, 0 = the generated one.
    """

    def __init__(self, photo: np.ndarray, foreground: np.ndarray, alpha: np.ndarray):
        self._keep = alpha == 255
        self._photo = photo
        self._inside = _inside(self._keep)
        self._whole = _whole_cells(self._keep)
        self._cells = _cells_of(photo, self._whole)
        self._band = np.flatnonzero((alpha != 0) & ~self._keep)  # flat indices
        self._share = alpha.ravel().take(self._band)[:, None].astype(np.int32)
        self._people = _pixels_at(foreground, self._band) * self._share

    def blend(self, generated: np.ndarray) -> np.ndarray:
        """The generated picture (uint8, the photo's H x W x 3) with the people before it; a new array.

        The photo's pixels bit-exact where alpha is 255, those of `fitted` where it is 0, a mixture of foreground and
        fitted by alpha between.
        """
        result = self.fitted(generated)
        behind = _pixels_at(result, self._band) * (255 - self._share)
        result.reshape(-1, 3)[self._band] = ((self._people + behind + 127) // 255).astype(np.uint8)
        # Two dimensions, not three: numpy is slow with a last axis of 3.
        rows = len(self._keep), -1
        np.copyto(result.reshape(rows), self._photo.reshape(rows), where=np.repeat(self._keep, 3, axis=1))
        return result

    def change_of_kept(self, generated: np.ndarray) -> float | None:
        """How much the model has changed of what it was to keep, see `_change`."""
        return _change(self._photo, generated, self._inside)

    def fitted(self, generated: np.ndarray) -> np.ndarray:
        """The generated picture with the model's shift of colours and contrast taken back; a new array.

        The shift is found in the kept region, which models return as well: one gain and one offset for each channel,
        for the whole picture. A part that the model has painted anew is told by its detail and doesn't count; if it has
        painted all of it, nothing is changed.
        """
        gain, offset = _model_shift(self._cells, _cells_of(generated, self._whole), self._whole)
        if (gain == 1).all() and not offset.any():
            return generated.copy()
        tables = np.rint(np.arange(256)[:, None] * gain + offset).clip(0, 255).astype(int)
        return np.array(Image.fromarray(generated).point(tables.T.ravel().tolist()))


def soft_edge(keep: np.ndarray) -> np.ndarray:
    """The alpha of a mask with a hard edge (bool, H x W): 255 inside, falling to 0 within FADE_WIDTH pixels outside."""
    alpha = np.zeros(keep.shape, np.uint8)
    if keep.any():
        window = _bounding_box(keep, FADE_WIDTH)
        fade = Image.fromarray(_fade(keep[window], FADE_WIDTH)).point([min(2 * value, 254) for value in range(256)])
        alpha[window] = np.maximum(np.asarray(fade), keep[window].view(np.uint8) * np.uint8(255))
    return alpha


def _inside(keep: np.ndarray) -> np.ndarray:
    """The cells that lie INSIDE pixels or more within the kept region (bool, H x W); bool, one for each whole cell."""
    cells = _whole_cells(keep)
    if not cells.any():
        return cells
    around = Image.fromarray(cells.view(np.uint8) * np.uint8(255)).filter(ImageFilter.BoxBlur(INSIDE // _CELL))
    return np.asarray(around) == 255


def _change(photo: np.ndarray, generated: np.ndarray, inside: np.ndarray) -> float | None:
    """The mean absolute difference of a channel between photo and generated picture, 0 to 255; None if nothing counts.

    Measured before anything is put back or taken back, at one pixel of each cell of `inside`.
    """
    if not inside.any():
        return None
    rows, columns = (slice(0, side * _CELL, _CELL) for side in inside.shape)
    apart = photo[rows, columns][inside].astype(np.int16) - generated[rows, columns][inside]
    return float(np.abs(apart).mean())


def _whole_cells(keep: np.ndarray) -> np.ndarray:
    """The cells all of whose pixels are kept, bool, as many as there are whole cells in each direction."""
    height, width = (side // _CELL for side in keep.shape)
    cells = keep[: height * _CELL, : width * _CELL].reshape(height, _CELL, width, _CELL)
    return np.asarray(cells.all(axis=(1, 3)))


def _cells_of(pixels: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The mean colour of each cell, float32, H/4 x W/4 x 3; 0 where it isn't whole. Noise and JPEG hardly change it."""
    means = np.asarray(Image.fromarray(pixels).reduce(_CELL))[: whole.shape[0], : whole.shape[1]]
    return means * whole[..., None].astype(np.float32)


def _model_shift(photo: np.ndarray, generated: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset, 3 each, that lead from the generated cells to the photo's; 1 and 0 if they aren't known."""
    gain, offset = np.ones(3, np.float32), np.zeros(3, np.float32)
    same = whole & (_correlation(photo.mean(axis=2), generated.mean(axis=2), whole) > SAME)
    trust = float(np.clip((same.sum() / max(1, whole.sum()) - KNOWN[0]) / (KNOWN[1] - KNOWN[0]), 0, 1))
    # What is clipped has lost its shift.
    same &= ((generated > 3) & (generated < 252) & (photo > 3) & (photo < 252)).all(axis=2)
    if not trust or not same.any():
        return gain, offset
    photo, generated = photo[same], generated[same]
    line = _line(generated, photo)
    for _ in range(3):  # without those beside a part that is painted anew
        apart = np.abs(generated * line[0] + line[1] - photo).max(axis=1)
        near = apart <= 2 * np.median(apart) + 1
        line = _line(generated[near], photo[near])
    if np.abs(photo.mean(axis=0) - generated.mean(axis=0)).max() > MOST:
        return gain, offset
    return gain + trust * (line[0] - gain), trust * line[1]


def _correlation(one: np.ndarray, other: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """How alike the details of two pictures (float32, H x W, 0 where not `whole`) are around each pixel, up to 1."""
    counts, a, b, aa, bb, ab = _blur(np.stack([whole.astype(np.float32), one, other, one**2, other**2, one * other]))
    a, b, aa, bb, ab = (each / np.maximum(counts, 0.01) for each in (a, b, aa, bb, ab))
    return (ab - a * b) / np.sqrt((np.maximum(aa - a**2, 0) + _FLAT) * (np.maximum(bb - b**2, 0) + _FLAT))


def _line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset of y over x (n x 3) in each channel. Where x hardly varies, the gain stays near 1."""
    centre_x, centre_y = x.mean(axis=0), y.mean(axis=0)
    spread = ((x - centre_x) ** 2).mean(axis=0)
    gain = (((x - centre_x) * (y - centre_y)).mean(axis=0) + _FLAT) / (spread + _FLAT)
    gain = gain.clip(*GAIN)
    return gain, centre_y - gain * centre_x


def _bounding_box(keep: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the kept region's bounding box with a margin, clipped to the image at the upper left."""
    rows, columns = np.flatnonzero(keep.any(axis=1)), np.flatnonzero(keep.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


def _pixels_at(pixels: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The pixels at these flat indices, uint8, n x 3."""
    return pixels.reshape(-1, 3).take(indices, axis=0)


def _fade(keep: np.ndarray, reach: int) -> np.ndarray:
    """The mask after two box filters, uint8, H x W: 255 inside, 128 on its edge, 0 from `reach` (even) pixels on."""
    soft = Image.fromarray(keep.view(np.uint8) * np.uint8(255))
    for _ in range(2):
        soft = soft.filter(ImageFilter.BoxBlur(reach // 2))
    return np.asarray(soft)


def _match_weights(keep: np.ndarray) -> np.ndarray:
    """Weights of the colour correction per cell, float32, H/4 x W/4.

    1 on the edge of the kept region, more within it, falling to 0 at MATCH_WIDTH pixels from it. The neighbours of a
    cell with a pixel farther away are 0 as well, so that bilinear interpolation gives that pixel 0.
    """
    near = _fade(keep, MATCH_WIDTH)
    whole = Image.fromarray((near > 0).view(np.uint8) * np.uint8(255)).reduce(_CELL)
    inner = np.asarray(whole.point(lambda mean: mean == 255 and 255).filter(ImageFilter.MinFilter(3))) > 0
    return np.asarray(Image.fromarray(near).reduce(_CELL)) * inner * np.float32(2 / 255)


def _edge_colours(photo: np.ndarray, keep: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Mean colour of the kept pixels in the 7 x 7 window around each of n flat indices, float32, n x 3."""
    reach = FADE_WIDTH + 1  # indices lie within FADE_WIDTH of the kept region, so each window has a kept pixel
    height, width = keep.shape
    # Colours and a count, 0 where nothing is kept: their sums over 7 x 7 pixels fit into 16 bits.
    cells = np.zeros((height + 2 * reach, width + 2 * reach, 4), np.uint16)
    inner = cells[reach:-reach, reach:-reach]
    np.multiply(photo, keep[..., None], out=inner[..., :3])
    inner[..., 3] = keep
    stride = cells.shape[1]
    cells, first = cells.reshape(-1, 4), indices // width * stride + indices % width
    total = np.zeros((len(indices), 4), np.uint16)
    for dy in range(2 * reach + 1):
        for dx in range(2 * reach + 1):
            total += cells[dy * stride + dx :].take(first, axis=0)
    return total[:, :3] / total[:, 3:].astype(np.float32)


def _shift(photo: np.ndarray, generated: np.ndarray, keep: np.ndarray, near: np.ndarray) -> Image.Image:
    """Colour correction of the generated picture plus 128, as an RGB image of its size.

    The local mean of photo minus generated in the kept region, which models return as well, with the colour shift of
    the whole picture. 128 (none) where that is unknown, or where `near` (see `_match_weights`) is 0.
    """
    kept = keep[::_CELL, ::_CELL].astype(np.float32)
    # Planes: numpy is slow with a last axis of 3.
    apart = (_planes(photo) - _planes(generated)) * kept
    means = _blur(np.stack([kept, *apart, (apart**2).sum(axis=0)]))
    means[1:] /= np.maximum(means[0], 0.01)
    shift = means[1:4] * (near * np.exp(-((means[4] / SHIFT_SCALE**2) ** 2))) + 128
    cells = Image.fromarray(np.rint(shift).clip(0, 255).astype(np.uint8).transpose(1, 2, 0).copy())
    height, width = keep.shape
    return cells.resize((width, height), Image.Resampling.BILINEAR, (0, 0, width / _CELL, height / _CELL))


def _planes(pixels: np.ndarray) -> np.ndarray:
    """Every fourth pixel of every fourth row as colour planes, float32, 3 x H/4 x W/4."""
    return pixels[::_CELL, ::_CELL].transpose(2, 0, 1).astype(np.float32, order="C")


def _blur(planes: np.ndarray) -> np.ndarray:
    """Two 5 x 5 box filters, zero padding; float32, C x H x W."""
    _, height, width = planes.shape
    for _ in range(2):
        padded = np.pad(planes, [(0, 0), (2, 2), (2, 2)])
        rows = reduce(np.add, (padded[:, n : n + height] for n in range(5)))
        planes = reduce(np.add, (rows[:, :, n : n + width] for n in range(5))) / np.float32(25)
    return planes
