"""The sizes of picture that an image model takes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The sizes of picture that a model takes, in pixels, all inclusive; `max_aspect` is longer to shorter side."""

    min_side: int
    max_side: int
    max_pixels: int
    max_aspect: float

    def allow(self, width: int, height: int) -> bool:
        shorter, longer = sorted((width, height))
        return (
            self.min_side <= shorter
            and longer <= self.max_side
            and width * height <= self.max_pixels
            and longer <= self.max_aspect * shorter
        )
