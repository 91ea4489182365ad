"""The image sizes that an image model takes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Limits of a model's input size, in pixels, inclusive; `max_aspect` is longer to shorter side.

    `multiple` is what each side is a multiple of.
    """

    min_side: int
    max_side: int
    max_pixels: int
    max_aspect: float
    multiple: int = 1

    def allow(self, width: int, height: int) -> bool:
        """Whether the model takes an image of this size."""
        shorter, longer = sorted((width, height))
        return (
            self.min_side <= shorter
            and longer <= self.max_side
            and width * height <= self.max_pixels
            and longer <= self.max_aspect * shorter
            and width % self.multiple == height % self.multiple == 0
        )
