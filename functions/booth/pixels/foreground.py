"""Estimates the people's own colours in the soft band of an alpha, where the photo shows them mixed with its wall."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageFilter

WIDE = (45, 15)
NARROW = (5, 2)
"""Half the sides of the passes' boxes, in 1/1024 of the photo's longer side: the first holds people and wall for the
whole band, the last the strand beside the pixel. docs/decisions/0026-alpha.md has the trials."""
_CELL = 4  # pixels: the means of wide boxes have no detail, so those passes are of cells of 4 x 4
_TILE = 24  # pixels: the narrow passes are of the tiles of 24 x 24 that have a part of the band,
_AT_ONCE = 128  # so many of them in one go


def estimate(photo: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The photo (uint8, H x W x 3) with the people's own colours where alpha (uint8, H x W) is from 1 to 254.

    All other pixels are the photo's. After Forte, "Approximate Fast Foreground Colour Estimation" (2021): people and
    wall are each the mean of their surroundings, weighted by alpha, and what the pixel differs from their mixture is
    divided between them. Each pass takes the means of the colours of the one before, in a narrower box.
    """
    result = photo.copy()
    band = _mixed(alpha)
    if not band.any():
        return result
    cells, share = (np.asarray(Image.fromarray(each).reduce(_CELL)) for each in (photo, alpha))
    people = wall = cells
    for part in WIDE:
        people, wall = _divided(cells, share, people, wall, _radius(alpha, part / _CELL))
    radii = [_radius(alpha, part) for part in NARROW]
    for tiles in _tiles_with(band, margin=sum(radii)):
        near, share = tiles.cut(photo), tiles.cut(alpha)
        mixed = np.flatnonzero(_mixed(share))
        found = [_with(near, mixed, _pixels_at(tiles.enlarged(each), mixed)) for each in (people, wall)]
        for radius in radii:
            near, share, *found = (
                _inner(each, radius) for each in (near, share, *_divided(near, share, *found, radius))
            )
        tiles.paste(found[0], result)
    return result


def _tiles_with(band: np.ndarray, margin: int) -> Iterator["_Tiles"]:
    """The tiles that have a part of the band (bool, H x W), some at a time."""
    whole = np.pad(band, [(0, -side % _TILE) for side in band.shape])
    rows, columns = (side // _TILE for side in whole.shape)
    places = np.argwhere(whole.reshape(rows, _TILE, columns, _TILE).any(axis=(1, 3))) * _TILE
    for first in range(0, len(places), _AT_ONCE):
        yield _Tiles(band.shape, places[first : first + _AT_ONCE], margin)


@dataclass(frozen=True)
class _Tiles:
    """Some tiles, each with a margin, one below the other: filters that reach no farther give what the photo's give."""

    shape: tuple[int, ...]
    """Of the photo."""
    corners: np.ndarray
    """The upper left pixels, row and column, n x 2."""
    margin: int

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """The tiles and margins of a picture (uint8, H x W, or H x W x 3); beyond the border that is repeated."""
        places = self.places(self.margin)
        return pixels.take(places) if pixels.ndim == 2 else _pixels_at(pixels, places)

    def enlarged(self, cells: np.ndarray) -> np.ndarray:
        """The same of a picture that has a pixel for each cell (uint8, H/4 x W/4 x 3), between them a blend."""
        margin = -(-self.margin // _CELL) + 1  # with the cells that the outermost pixels are blended of
        near = _pixels_at(cells, self.places(margin, _CELL))
        size = near.shape[1] * _CELL, len(near) * _CELL
        wide = np.asarray(Image.fromarray(near).resize(size, Image.Resampling.BILINEAR))
        return _inner(wide, margin * _CELL - self.margin)

    def paste(self, tiles: np.ndarray, result: np.ndarray) -> None:
        """Writes tiles without margins into the picture (uint8, H x W x 3)."""
        for (y, x), tile in zip(self.corners.tolist(), tiles.reshape(-1, _TILE, _TILE, 3), strict=True):
            part = result[y : y + _TILE, x : x + _TILE]
            part[...] = tile[: part.shape[0], : part.shape[1]]

    def places(self, margin: int, cell: int = 1) -> np.ndarray:
        """The tiles' pixels, or cells, and so many around them: flat indices."""
        height, width = (-(-side // cell) for side in self.shape)
        along = np.arange(-margin, _TILE // cell + margin)
        y, x = (
            np.clip(self.corners[:, axis, None] // cell + along, 0, side - 1)
            for axis, side in ((0, height), (1, width))
        )
        return (y[:, :, None] * width + x[:, None, :]).reshape(-1, len(along))


def _inner(tiles: np.ndarray, by: int) -> np.ndarray:
    """The tiles, square and one below the other, less so many pixels on each side."""
    side, *rest = tiles.shape[1:]
    inner = tiles.reshape(-1, side, side, *rest)[:, by : side - by, by : side - by]
    return inner.reshape(-1, side - 2 * by, *rest)


def _radius(alpha: np.ndarray, part: float) -> int:
    return max(1, round(max(alpha.shape) * part / 1024))


def _mixed(alpha: np.ndarray) -> np.ndarray:
    return (alpha != 0) & (alpha != 255)


def _pixels_at(pixels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The pixels (uint8, H x W x 3) at these flat indices, uint8, of the indices' shape x 3."""
    return pixels.reshape(-1, 3).take(places, axis=0)


def _with(pixels: np.ndarray, places: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A copy of the pixels (uint8, H x W x 3) with other colours (n x 3) at these flat indices."""
    changed = pixels.copy()
    changed.reshape(-1, 3)[places] = colours
    return changed


def _divided(
    photo: np.ndarray, alpha: np.ndarray, people: np.ndarray, wall: np.ndarray, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    """People and wall, each the mean of what they were, and what the photo differs from their mixture by alpha.

    Where alpha is 255 or 0, one of them is the photo and the other is of no weight.
    """
    spots = np.flatnonzero(_mixed(alpha))  # flat indices
    near = _weighted_mean(people, alpha, radius, spots)
    behind = _weighted_mean(wall, 255 - alpha, radius, spots)
    share = alpha.take(spots) * np.float32(1 / 255)
    lacking = _pixels_at(photo, spots).T - share * near - (1 - share) * behind
    colours = (near + share * lacking, behind + (1 - share) * lacking)
    whole = (np.rint(each.clip(0, 255)).astype(np.uint8).T for each in colours)
    return _with(people, spots, next(whole)), _with(wall, spots, next(whole))


def _weighted_mean(colours: np.ndarray, weights: np.ndarray, radius: int, spots: np.ndarray) -> np.ndarray:
    """The mean colour, by these weights (uint8, H x W), of the box around each of n flat indices: float32, 3 x n.

    Of 8-bit sums: what they lose where weights are small, alpha takes off again in the composite.
    """
    weight = Image.fromarray(weights)
    weighted = ImageChops.multiply(Image.fromarray(colours).convert("RGBA"), Image.merge("RGBA", [weight] * 4))
    sums = np.asarray(weighted.filter(ImageFilter.BoxBlur(radius))).reshape(-1, 4).take(spots, axis=0).T
    # Planes: numpy is slow with a last axis of 3.
    return sums[:3].astype(np.float32, order="C") * (np.float32(255) / np.maximum(sums[3], 1))
