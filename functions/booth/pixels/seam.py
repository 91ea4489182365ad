"""Puts the kept pixels back into what the image model made, and encodes the result."""

import numpy as np
from PIL import Image, ImageChops, ImageFilter

SEAM = 2
"""Pixels outside the kept region in which the photo fades out."""
MATCH = 24
"""Pixels outside the kept region in which a model's colour shift is taken back."""
SHIFT = 40.0
"""Root of the mean squared colour distance (8-bit RGB) between the kept region and what the model made of it, up to
about which the model has kept the face and shifted its colours. Beyond it the model has painted something else there,
and its shift is unknown. docs/decisions/0008-seam.md has the trials."""
_CELL = 4  # pixels: a shift has no detail, so it is found and faded for cells of 4 x 4


class Seam:
    """The photo's kept pixels, ready to be put back into any picture, with no edge to be seen around them.

    Most of the work needs no picture, so it is done while the model paints.

    Args:
        photo: uint8, H x W x 3.
        keep: bool, H x W.
    """

    def __init__(self, photo: np.ndarray, keep: np.ndarray):
        self._is_empty = not keep.any()
        if self._is_empty:
            return
        self._view = _bounding_box(keep, MATCH)
        self._photo, self._keep = photo[self._view], keep[self._view]
        self._match_weights = _match_weights(self._keep)
        alpha = _fade(self._keep, SEAM).ravel()
        spots = np.flatnonzero((alpha > 0) & ~self._keep.ravel())  # pixels by their number, row after row
        # A blurred straight edge is one half on the edge: twice that is 1 inside, and falls to 0 outside.
        self._spots, self._alpha = spots, np.minimum(alpha[spots].astype(np.float32) * (2 / 255), 1)[:, None]
        self._edge, self._behind = _edge_colours(self._photo, self._keep, spots), _pixels_at(self._photo, spots)

    def blend(self, generated: np.ndarray) -> np.ndarray:
        """The generated picture (uint8, the photo's H x W x 3) with the kept pixels, bit-exact.

        Within SEAM pixels outside the kept region the photo fades out, but only colours that lie between those of the
        kept edge and the generated ones: of what stood behind the person, nothing lighter or darker than both is left.
        Within MATCH pixels the model's colour shift is taken back, as far as the kept region shows it. Pixels farther
        away are the generated ones, exactly.
        """
        result = generated.copy()
        if not self._is_empty:
            result[self._view] = self._blended(generated[self._view])
        return result

    def _blended(self, generated: np.ndarray) -> np.ndarray:
        shift = _shift(self._photo, generated, self._keep, self._match_weights)
        # A shift of 128 is none.
        result = np.array(ImageChops.add(Image.fromarray(generated), shift, offset=-128))
        there = _pixels_at(result, self._spots).astype(np.float32)
        fading = np.clip(self._behind, np.minimum(self._edge, there), np.maximum(self._edge, there))
        there += self._alpha * (fading - there)
        result.reshape(-1, 3)[self._spots] = np.rint(there).astype(np.uint8)
        # As rows of values, not of pixels, whose three values numpy would take up one by one.
        rows = len(self._keep), -1
        np.copyto(result.reshape(rows), self._photo.reshape(rows), where=np.repeat(self._keep, 3, axis=1))
        return result


def _bounding_box(keep: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The rows and columns of the kept region and a margin around it."""
    rows, columns = np.flatnonzero(keep.any(axis=1)), np.flatnonzero(keep.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


def _pixels_at(pixels: np.ndarray, spots: np.ndarray) -> np.ndarray:
    """uint8 n x 3: the pixels (H x W x 3) with these numbers."""
    return pixels.reshape(-1, 3).take(spots, axis=0)


def _fade(keep: np.ndarray, reach: int) -> np.ndarray:
    """uint8 H x W: 255 deep in the kept region, 128 on its edge, falling to 0 at `reach` (even) pixels from it."""
    soft = Image.fromarray(keep.view(np.uint8) * np.uint8(255))
    for _ in range(2):
        soft = soft.filter(ImageFilter.BoxBlur(reach // 2))
    return np.asarray(soft)


def _match_weights(keep: np.ndarray) -> np.ndarray:
    """float32 H/4 x W/4: how much of a colour shift is taken back in each cell of 4 x 4 pixels.

    1 on the edge of the kept region, more within it, falling to 0 at MATCH pixels from it. Cells beside one with a
    pixel farther away have 0 as well: then so has that pixel, which lies between cells.
    """
    near = _fade(keep, MATCH)
    whole = Image.fromarray((near > 0).view(np.uint8) * np.uint8(255)).reduce(_CELL)
    inner = np.asarray(whole.point(lambda mean: mean == 255 and 255).filter(ImageFilter.MinFilter(3))) > 0
    return np.asarray(Image.fromarray(near).reduce(_CELL)) * inner * np.float32(2 / 255)


def _edge_colours(photo: np.ndarray, keep: np.ndarray, spots: np.ndarray) -> np.ndarray:
    """The mean colour of the kept pixels around each of n spots (numbers of pixels) outside, float32 n x 3."""
    reach = SEAM + 1  # a spot lies within SEAM pixels of the region, so at least one kept pixel is seen
    height, width = keep.shape
    # Three colours and a one, nothing where nothing is kept: their sums over 7 x 7 pixels fit into 16 bits.
    cells = np.zeros((height + 2 * reach, width + 2 * reach, 4), np.uint16)
    inner = cells[reach:-reach, reach:-reach]
    np.multiply(photo, keep[..., None], out=inner[..., :3])
    inner[..., 3] = keep
    stride = cells.shape[1]
    cells, first = cells.reshape(-1, 4), spots // width * stride + spots % width
    total = np.zeros((len(spots), 4), np.uint16)
    for dy in range(2 * reach + 1):
        for dx in range(2 * reach + 1):
            total += cells[dy * stride + dx :].take(first, axis=0)
    return total[:, :3] / total[:, 3:].astype(np.float32)


def _shift(photo: np.ndarray, generated: np.ndarray, keep: np.ndarray, near: np.ndarray) -> Image.Image:
    """What has to be added to the generated colours to match the photo's, and 128, as an RGB image of their size.

    128 where that is unknown, or `near` (see `_match_weights`) is 0. Models return the region that they were told to
    keep as well, with the colour shift of the whole picture.
    """
    kept = keep[::_CELL, ::_CELL].astype(np.float32)
    # Colour after colour, for numpy takes up the three values of a pixel one by one.
    apart = (_planes(photo) - _planes(generated)) * kept
    means = _blur(np.stack([kept, *apart, (apart**2).sum(axis=0)]))
    means[1:] /= np.maximum(means[0], 0.01)
    shift = means[1:4] * (near * np.exp(-((means[4] / SHIFT**2) ** 2))) + 128
    cells = Image.fromarray(np.rint(shift).clip(0, 255).astype(np.uint8).transpose(1, 2, 0).copy())
    height, width = keep.shape
    return cells.resize((width, height), Image.Resampling.BILINEAR, (0, 0, width / _CELL, height / _CELL))


def _planes(pixels: np.ndarray) -> np.ndarray:
    """float32 3 x H/4 x W/4: the colours of every fourth pixel."""
    return pixels[::_CELL, ::_CELL].transpose(2, 0, 1).astype(np.float32, order="C")


def _blur(planes: np.ndarray) -> np.ndarray:
    """float32 C x H x W, each value the mean of 5 x 5 twice over; beyond the border there is 0."""
    _, height, width = planes.shape
    for _ in range(2):
        padded = np.pad(planes, [(0, 0), (2, 2), (2, 2)])
        rows = sum(padded[:, n : n + height] for n in range(5))
        planes = sum(rows[:, :, n : n + width] for n in range(5)) / np.float32(25)
    return planes
