"""What a picture keeps of its photo: the mask that a model gets of it, and the seam with what it paints."""

from dataclasses import dataclass

import numpy as np

from booth import work
from booth.keep import Keep
from booth.painting.codecs.codec import Codec
from booth.parallel import gather
from booth.pixels import encoding, masks
from booth.pixels.seam import Seam, SoftSeam


@dataclass(frozen=True)
class Faces:
    """The faces are kept."""

    mask: bytes
    """As in `work.read_mask`."""
    photo: bytes
    """As in `work.read_lossless`."""

    def mask_for(self, codec: Codec) -> bytes:
        """The mask for a model, 8-bit greyscale PNG: the file itself."""
        return self.mask

    def seam(self) -> Seam:
        """The seam, prepared."""
        return Seam(encoding.decode(self.photo), encoding.decode_mask(self.mask))


@dataclass(frozen=True)
class Cutout:
    """More than the faces is kept."""

    alpha: np.ndarray
    """uint8, H x W: 255 = kept as it is."""
    photo: bytes
    """As in `work.read_lossless`."""
    foreground: bytes
    """As in `work.read_foreground`."""

    def mask_for(self, codec: Codec) -> bytes:
        """The mask for a model, 8-bit greyscale PNG: what alpha keeps enough of for this one."""
        return encoding.encode_mask_for_model(masks.for_model(self.alpha, codec.least_alpha))

    def seam(self) -> SoftSeam:
        """The seam, prepared."""
        return SoftSeam(encoding.decode(self.photo), encoding.decode(self.foreground), self.alpha)


def read_faces(run_id: str) -> Faces:
    """The faces, from the run's files. Raises what `booth.aws.errors.aws_errors` does."""
    return Faces(*gather(lambda: work.read_mask(run_id), lambda: work.read_lossless(run_id)))


def read_more(run_id: str, keep: Keep, faces: Faces) -> Faces | Cutout:
    """What is kept: the faces, or more, of which the rest is read. Raises as `read_faces`."""
    if keep == Keep.FACE:
        return faces
    alpha, foreground = gather(lambda: work.read_alpha(run_id, keep), lambda: work.read_foreground(run_id, keep))
    return Cutout(encoding.decode_alpha(alpha), faces.photo, foreground)
